// A fleet in a process of its own, killed while it tells: what its runs were is told by the lives that follow.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "vitest";
import { openReceiver, secret, verify } from "./receiver.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-told-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = new URL("./fleet-process.ts", import.meta.url).pathname;

interface Life {
  readonly finished: string[];
  kill(): void;
  readonly ended: Promise<number | null>;
  readonly said: string[];
}

function begin(db: string, url: string, runs: number): Life {
  const child = spawn(process.execPath, [script, db, url, String(runs)], {
    env: { ...process.env, HOOK_SECRET: secret },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const finished: string[] = [];
  const said: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => finished.push(line.slice("finished ".length)));
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  return {
    finished,
    said,
    kill: () => child.kill("SIGKILL"),
    ended: once(child, "close").then(([code]) => code as number | null),
  };
}

test("killed while the receiver has not answered: the next life tells it again, under the same id", async () => {
  await using to = await openReceiver();
  to.answer = () => "hang";
  const db = join(folder, "hang.db");
  const first = begin(db, to.url, 1);
  await to.count(1);
  first.kill();
  await first.ended;
  to.answer = () => 204;
  const second = begin(db, to.url, 1);
  await to.count(2);
  expect(await second.ended).toBe(0);
  const [a, b] = to.received as [(typeof to.received)[number], (typeof to.received)[number]];
  expect(b.body).toBe(a.body);
  expect(b.headers["webhook-id"]).toBe(a.headers["webhook-id"]);
  verify(b);
  // Told, so the third life has nothing to say.
  expect(await begin(db, to.url, 1).ended).toBe(0);
  expect(to.received).toHaveLength(2);
});

test("killed again and again: every run is told, each under one id, and no secret is said or stored", async () => {
  await using to = await openReceiver();
  const db = join(folder, "again.db");
  const runs = 60;
  const finished = new Set<string>();
  const said: string[] = [];
  for (const at of [7, 19, 33, 48]) {
    const life = begin(db, to.url, runs);
    await to.count(at);
    life.kill();
    await life.ended;
    for (const id of life.finished) finished.add(id);
    said.push(...life.said);
  }
  const last = begin(db, to.url, runs);
  expect({ code: await last.ended, said: last.said }).toEqual({ code: 0, said: [] });
  for (const id of last.finished) finished.add(id);
  expect(finished.size).toBe(runs);
  const told = new Map<string, Set<string>>();
  for (const r of to.received) {
    verify(r);
    const run = r.json["runId"] as string;
    told.set(run, (told.get(run) ?? new Set()).add(r.headers["webhook-id"] as string));
  }
  expect([...finished].filter((id) => !told.has(id))).toEqual([]);
  expect([...told.values()].every((all) => all.size === 1)).toBe(true);
  expect(readFileSync(db).includes(secret.slice("whsec_".length))).toBe(false);
  expect(said.join("\n")).not.toContain(secret);
});
