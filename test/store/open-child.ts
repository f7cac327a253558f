// Opens a store and says so, or says why not: `node open-child.ts PATH`.
import { openSqliteStore } from "../../src/store/sqlite/open.ts";

try {
  const store = openSqliteStore({ path: process.argv[2] ?? "" });
  process.stdout.write("open\n");
  // Held: a store that nobody refers to is collected, and its lock with it.
  setInterval(() => store.facts, 1_000_000);
} catch (e) {
  process.stdout.write(`${JSON.stringify(e)}\n`);
}
