import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests read the sources; what is packed and published is checked by publint, attw and the programs in test/programs.
  resolve: {
    alias: [
      { find: /^flotilla$/, replacement: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
      { find: /^flotilla\/client$/, replacement: fileURLToPath(new URL("./src/client.ts", import.meta.url)) },
    ],
  },
  test: {
    include: ["{src,test,templates,scripts,bench}/**/*.test.ts"],
    // Two cores: more forks only take turns, and the kill tests start processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
