// Keeps one PostgreSQL for all the tests of one vitest: started by the first that needs it, as `node keeper.ts <pid of
// vitest> <file>`, told to the others in that file, stopped when that vitest has ended.
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { startPostgres } from "./start.ts";

const [owner, file] = [Number(process.argv[2]), process.argv[3] as string];
const lookMs = 250;

try {
  const server = await startPostgres({ durable: false });
  tell({ url: server.url });
  const timer = setInterval(() => {
    if (alive(owner)) return;
    clearInterval(timer);
    for (const path of [file, file.replace(/\.json$/, "")]) rmSync(path, { recursive: true, force: true });
    void server.stop().then(() => process.exit(0));
  }, lookMs);
} catch (e) {
  tell({ error: String((e as Error).stack) });
  process.exit(1);
}

/** Whole or not at all: others read it as soon as it is there. */
function tell(what: object): void {
  writeFileSync(`${file}.new`, JSON.stringify(what));
  renameSync(`${file}.new`, file);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
