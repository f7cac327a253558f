// One life of the load's fleet: opens the file, takes up what was asked before, and keeps asking until it is told that it
// is enough. Its clock jumps and its disk fills when a line on stdin says so.
//   node fleet.ts FOLDER WAVES_AT_A_TIME WORKERS SLOTS SEED CLOCK_MS
import { createRequire, syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { systemClock } from "../../../src/core/clock.ts";
import { errorJson, isFlotillaError } from "../../../src/core/error.ts";
import type { Run } from "../../../src/index.ts";
import { createRandom, type Random } from "../../../src/core/random.ts";
import { note, Tail, wordFor } from "./history.ts";

const [folder, atATime, workers, slots, seed, clockMs] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const log = join(folder, "history.jsonl");
const path = join(folder, "load.db");

// The store's own connection, for its page limit: a disk that is full, as SQLite sees it.
const sqlite = createRequire(import.meta.url)("node:sqlite") as { DatabaseSync: typeof DatabaseSync };
const opened: DatabaseSync[] = [];
sqlite.DatabaseSync = class extends sqlite.DatabaseSync {
  constructor(...args: ConstructorParameters<typeof DatabaseSync>) {
    super(...args);
    if (args[0] === path) opened.push(this);
  }
};
syncBuiltinESMExports();
const { openFleet } = await import("../../../src/runtime/create-fleet.ts");
const { definitions, wave, word } = await import("./load.ts");

/** More than SQLite can count: the disk decides. */
const pagesMost = 4_294_967_294;
/** What was told on stdin. */
const told = { offsetMs: Number(clockMs), enough: false };
let wake = () => {};

function obey(line: string): void {
  const [verb, value] = line.split(" ");
  if (verb === "clock") told.offsetMs = Number(value);
  else if (verb === "full") for (const db of opened) db.exec("PRAGMA max_page_count=1"); // SQLite makes it what is in use
  else if (verb === "room") for (const db of opened) db.exec(`PRAGMA max_page_count=${pagesMost}`);
  else if (verb === "enough") {
    told.enough = true;
    wake();
  }
}
// Whoever gives the orders is gone: without an end of its own the load would go on for ever.
createInterface(process.stdin)
  .on("line", obey)
  .on("close", () => process.exit(1));

const { fleet } = await openFleet(
  {
    definitions,
    store: `sqlite:${path}`,
    workers: {
      count: Number(workers),
      slots: Number(slots),
      isolation: "child-process",
      passEnv: ["NEMESIS_DIR", "NODE_COMPILE_CACHE"],
    },
    modules: [new URL("./load.ts", import.meta.url)],
    blockedAfter: "1500ms",
    abortGrace: "5s",
  },
  {
    clock: { ...systemClock, now: () => systemClock.now() + told.offsetMs },
    random: Math.random,
    log(level, message, fields) {
      if (level !== "warn" && level !== "error") return;
      const error = fields?.["error"];
      note(log, { e: "said", pid: process.pid, level, message, error: typeof error === "string" ? error : null });
    },
  },
);
note(log, { e: "life", pid: process.pid });

/** The same wave for the same number, in every life. */
function waveOf(n: number) {
  const random = createRandom(Number(seed) * 100_000 + n);
  const batches = [1, 2].map((b) => ({ n: n * 10 + b, parts: Array.from({ length: 6 }, (_, i) => part(i, random)) }));
  return { n, batches };
}
function part(i: number, random: Random) {
  const ms = 20 + Math.floor(random() * 180);
  return { kind: i === 0 ? ("flaky" as const) : i === 1 && random() < 0.5 ? ("late" as const) : ("piece" as const), ms };
}

/** Asks for one wave until it is acknowledged, and waits for its end. */
async function follow(n: number): Promise<void> {
  for (;;) {
    try {
      const run = await fleet.start(wave, waveOf(n), { idempotencyKey: `wave-${n}` });
      note(log, { e: "submitted", n, run: run.id });
      await send(run, n);
      const outcome = await run.outcome();
      const value = "value" in outcome ? outcome.value : outcome.error;
      note(log, { e: "result", n, run: run.id, status: outcome.status, value });
      return;
    } catch (e) {
      if (!isFlotillaError(e, "FLOTILLA_STORE_FULL")) throw e;
      // Refused, so not accepted: asked again when a line comes, or a moment later.
      note(log, { e: "said", pid: process.pid, level: "info", message: "a start was refused", error: errorJson(e).code });
      await new Promise<void>((resolve) => systemClock.after(200, resolve));
    }
  }
}

/** Once for each wave: again only when it was not acknowledged. */
async function send(run: Run<unknown, unknown>, n: number): Promise<void> {
  if (sent.has(n)) return;
  try {
    await run.send(word, wordFor(n), { idempotencyKey: "word" });
  } catch (e) {
    // An earlier life died before it heard that the message was taken; the run has ended with it meanwhile.
    if (!isFlotillaError(e, "FLOTILLA_TOO_LATE")) throw e;
  }
  note(log, { e: "sent", n, run: run.id });
  sent.add(n);
}

const tail = new Tail(log);
tail.read();
const sent = new Set(tail.lines.flatMap((l) => (l.e === "sent" ? [l.n] : [])));
const asked = new Set(tail.lines.flatMap((l) => (l.e === "submitted" ? [l.n] : [])));
for (const line of tail.lines) if (line.e === "result") asked.delete(line.n);
let next = Math.max(0, ...tail.lines.flatMap((l) => (l.e === "submitted" ? [l.n] : []))) + 1;
tail.close();

const open = new Set<Promise<void>>();
function begin(n: number): void {
  const following = follow(n).finally(() => {
    open.delete(following);
    wake();
  });
  open.add(following);
}
for (const n of asked) begin(n);
while (!told.enough || open.size > 0) {
  while (!told.enough && open.size < Number(atATime)) begin(next++);
  await new Promise<void>((resolve) => (wake = resolve));
}
await fleet.close();
process.exit(0);
