import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { flotilla: new URL("./src/index.ts", import.meta.url).pathname } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "templates/**/*.test.ts", "bench/**/*.test.ts"],
    // Two cores: more forks only take turns, and the kill tests start processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
