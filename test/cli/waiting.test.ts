// A real fleet that waits for people and messages, and the command line that answers it through the control socket.
import { watch } from "node:fs";
import { join } from "node:path";
import { expect, test, onTestFinished } from "vitest";
import * as z from "zod";
import { agent, createFleet, message, workflow } from "../../src/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { cli as commandLine, tempDir } from "./harness.ts";
import type { CliResult } from "./harness.ts";

const go = message("go", z.object({ n: z.int() }));
const asks = workflow({
  name: "asks",
  input: z.object({}),
  async run(_, ctx) {
    let at = "the message";
    ctx.query("waits-for", () => at);
    const { n } = await ctx.waitFor(go);
    at = "the approval";
    const ok = await ctx.approve({
      title: "Go on?",
      detail: `with ${n}`,
      edit: { schema: z.object({ n: z.int() }), value: { n } },
    });
    return { n: ok.value.n, by: ok.by, note: ok.note ?? null };
  },
});
const item = agent({
  name: "item",
  input: z.object({ path: z.string() }),
  retry: { attempts: 1 },
  run({ path }) {
    if (path.endsWith(".bin")) throw new Error("not a text");
    return path;
  },
});
const audit = workflow({
  name: "audit",
  input: z.object({ paths: z.array(z.string()) }),
  run: async ({ paths }, ctx) =>
    (
      await ctx.map(
        item,
        paths.map((path) => ({ path })),
        { key: (i) => i.path, join: { atLeast: 1 } },
      )
    ).values,
});

async function world() {
  const cwd = tempDir();
  const store = `sqlite:${join(cwd, "a.db")}` as const;
  // It listens a moment after the fleet is open.
  const listens = Promise.withResolvers<void>();
  const changes = watch(cwd, (_, name) => name === "a.db.sock" && listens.resolve());
  const fleet = await createFleet({ definitions: [asks, item, audit], store });
  onTestFinished(() => fleet.close());
  await listens.promise;
  changes.close();
  const cli = (...words: string[]): Promise<CliResult> => commandLine([...words, "--store", store], { cwd, clock: systemClock });
  return { fleet, cli };
}

test("messages, queries and approvals are answered from the command line", async () => {
  const { fleet, cli } = await world();
  const run = await fleet.start(asks, {});
  expect((await cli("runs", "query", run.id, "waits-for")).out).toBe("the message\n");
  expect((await cli("tasks", "explain", run.id)).out).toContain(`flotilla runs send ${run.id} go VALUE`);
  expect((await cli("runs", "send", run.id, "go", '{"n": 1}', "--key", "k")).code).toBe(0);
  for await (const _ of run.events({ types: ["approval.asked"] })) break;

  const id = (
    (JSON.parse((await cli("approvals", "ls", "-o", "json")).out) as { items: { id: string }[] }).items[0] as { id: string }
  ).id;
  const command = /flotilla (approvals approve \S+)/.exec((await cli("tasks", "explain", run.id)).out)?.[1] ?? "";
  expect(command).toBe(`approvals approve ${id}`);
  expect((await cli("approvals", "show", id)).out).toContain("with 1");
  // Refused by the schema that the workflow gave, and still open.
  const refused = await cli(...command.split(" "), "--value", '{"n": "x"}');
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("n: ")]);
  expect((await cli(...command.split(" "), "--value", '{"n": 2}', "--note", "fine")).code).toBe(0);
  expect(await run.result()).toEqual({ n: 2, by: "ada", note: "fine" });
  expect((await cli(...command.split(" "))).code).toBe(1);
});

test("what waits can be looked at while no fleet is up, and answered when one is", async () => {
  const { fleet, cli } = await world();
  const run = await fleet.start(asks, {});
  await run.send(go, { n: 1 });
  for await (const _ of run.events({ types: ["approval.asked"] })) break;
  await fleet.close();
  const listed = await cli("approvals", "ls");
  const id = /^a_\S+/m.exec(listed.out)?.[0] ?? "";
  expect(listed.out).toContain("Go on?");
  expect((await cli("approvals", "show", id)).out).toContain("with 1");
  expect((await cli("approvals", "approve", id)).code).toBe(4);
  expect((await cli("runs", "query", run.id, "waits-for")).code).toBe(4);
});

test("a no from the command line ends the run with its reason", async () => {
  const { fleet, cli } = await world();
  const run = await fleet.start(asks, {});
  await run.send(go, { n: 1 });
  for await (const e of run.events({ types: ["approval.asked"] })) {
    expect((await cli("approvals", "reject", e.data.approval, "--reason", "not today", "--by", "bo")).code).toBe(0);
    break;
  }
  const watched = await cli("runs", "watch", run.id);
  expect([watched.code, watched.err]).toEqual([1, expect.stringContaining("FLOTILLA_REJECTED")]);
  expect(watched.err).toContain("not today");
});

test("a partial run ends with 5, its gaps named, and can be looked at afterwards", async () => {
  const { cli } = await world();
  const ran = await cli("run", "audit", "--input", 'paths=["a.ts","logo.bin"]');
  expect([ran.code, JSON.parse(ran.out)]).toEqual([5, ["a.ts"]]);
  expect(ran.err).toContain("! gap logo.bin: not a text");
  const got = await cli("runs", "get");
  expect(got.out).toMatch(/GAP +KEY +OUTCOME +WHY\n {2}t_\S+\.2 +logo\.bin +failed +not a text/);
  const view = JSON.parse((await cli("runs", "get", "-o", "json")).out) as { gaps: object; tasks: object };
  expect(view).toMatchObject({
    status: "partial",
    gaps: { total: 1, named: [{ key: "logo.bin", input: { path: "logo.bin" } }] },
  });
  const list = JSON.parse((await cli("runs", "ls", "-o", "json")).out) as { items: object[] };
  expect(list.items).toMatchObject([
    { status: "partial", gaps: { total: 1, named: [] }, tasks: { total: 3, done: 3, failed: 1 } },
  ]);
});
