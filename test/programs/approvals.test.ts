// p4 of the API, run: a message, an approval with an edit, and what happens when people say no, or nothing.
import { agent, createFleet, isFlotillaError, message, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";
import { collect } from "./collect.ts";

const Mail = z.object({ to: z.email(), body: z.string() });
const send = agent({
  name: "send-mail",
  input: Mail,
  run: (m, ctx) => ctx.step("smtp", ({ effectKey }) => ({ sent: effectKey.length > 0, to: m.to })),
});
const paid = message("invoice.paid", z.object({ invoice: z.string(), at: z.coerce.date() }));

const campaign = workflow({
  name: "campaign",
  input: z.object({ invoice: z.string(), draft: Mail }),
  async run({ invoice, draft }, ctx) {
    let stage = "waits for the payment";
    ctx.query("stage", () => ({ stage, invoice }));
    const payment = await ctx.waitFor(paid, { timeout: "7d" });
    stage = "waits for a word";
    const ok = await ctx.approve({ title: `Send mail for ${invoice}?`, edit: { schema: Mail, value: draft }, role: "operator" });
    const sent = await ctx.call(send, ok.value);
    return { ...sent, day: payment.at.getUTCDate(), by: ok.by, via: ok.via, note: ok.note ?? null };
  },
});
const impatient = workflow({
  name: "impatient",
  input: z.object({ onTimeout: z.enum(["approve", "reject"]) }),
  async run({ onTimeout }, ctx) {
    const { by, via, value } = await ctx.approve({
      title: "now?",
      edit: { schema: z.int(), value: 7 },
      timeout: "1ms",
      onTimeout,
    });
    return { by, via, value };
  },
});
const above = workflow({
  name: "above",
  input: z.object({ onTimeout: z.enum(["approve", "reject"]) }),
  run: async (input, ctx) => (await ctx.call(impatient, input).settled()).status,
});

const definitions = [send, campaign, impatient, above] as const;
const draft = { to: "ada@example.org", body: "hi" };

async function asked(events: AsyncIterable<{ readonly data: { readonly approval: string } }>): Promise<string> {
  for await (const e of events) return e.data.approval;
  throw new Error("the run ended and asked nobody");
}

test("a message and an approval move a run on, and it tells where it is", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(campaign, { invoice: "i1", draft });
  expect(await run.query("stage")).toEqual({ stage: "waits for the payment", invoice: "i1" });
  await expect(run.query("stages")).rejects.toMatchObject({
    code: "FLOTILLA_NOT_FOUND",
    details: { what: expect.stringContaining("stage") as string },
  });
  // @ts-expect-error message payload
  await expect(run.send(paid, { invoice: 1, at: "2026-11-22" })).rejects.toMatchObject({ code: "FLOTILLA_INPUT_INVALID" });
  await run.send(paid, { invoice: "i1", at: "2026-11-22" }, { idempotencyKey: "i1" });
  await run.send(paid, { invoice: "i1", at: "2026-11-23" }, { idempotencyKey: "i1" });

  const id = await asked(run.events({ types: ["approval.asked"] }));
  expect(await run.query("stage")).toMatchObject({ stage: "waits for a word" });
  expect(await fleet.approvals.list()).toMatchObject([
    { id, runId: run.id, title: "Send mail for i1?", role: "operator", value: draft, state: "open" },
  ]);
  await expect(fleet.approvals.approve(id, { value: { to: 5, body: "hi" } })).rejects.toMatchObject({
    code: "FLOTILLA_INPUT_INVALID",
    details: { issues: [{ path: ["to"] }] },
  });
  expect(await fleet.approvals.list()).toHaveLength(1);
  await fleet.approvals.approve(id, { by: "ada", note: "fine", value: { to: "bo@example.org", body: "hello" } });
  await expect(fleet.approvals.reject(id, { reason: "too late" })).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
  expect(await run.result()).toEqual({ sent: true, to: "bo@example.org", day: 22, by: "ada", via: "person", note: "fine" });
  expect(await fleet.approvals.list()).toEqual([]);
  await expect(run.query("stage")).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
});

test("a no is an error that carries who and why, to the end of the run", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(campaign, { invoice: "i1", draft });
  await run.send(paid, { invoice: "i1", at: "2026-11-22" });
  await fleet.approvals.reject(await asked(run.events({ types: ["approval.asked"] })), { by: "ada", reason: "not today" });
  const error = await run.result().catch((e: unknown) => e);
  expect(isFlotillaError(error, "FLOTILLA_REJECTED") && error.details).toEqual({ by: "ada", reason: "not today" });
});

test("nobody answers: it counts as the workflow said", async () => {
  await using fleet = await createFleet({ definitions });
  expect(await fleet.run(impatient, { onTimeout: "approve" })).toEqual({ by: "timeout", via: "timeout", value: 7 });
  await expect(fleet.run(impatient, { onTimeout: "reject" })).rejects.toMatchObject({
    code: "FLOTILLA_REJECTED",
    details: { by: "timeout" },
  });
  expect(await fleet.run(above, { onTimeout: "reject" })).toBe("failed");
});

test("an approval that nobody waits for any more takes no answer, and says why", async () => {
  const hasty = workflow({
    name: "hasty",
    input: z.object({}),
    async run(_, ctx) {
      await ctx.race({ word: ctx.approve({ title: "now?" }), time: ctx.sleep("1ms") });
      return ctx.approve({ title: "then?" });
    },
  });
  await using fleet = await createFleet({ definitions: [hasty] });
  const run = await fleet.start(hasty, {});
  const ids: string[] = [];
  for await (const e of run.events({ types: ["approval.asked"] })) if (ids.push(e.data.approval) === 2) break;
  const [lost, open] = ids as [string, string];
  expect(await fleet.approvals.list()).toMatchObject([{ id: open }]);
  await expect(fleet.approvals.approve(lost)).rejects.toMatchObject({ code: "FLOTILLA_TOO_LATE" });
  await run.cancel();
  await run.outcome();
  const late = fleet.approvals.approve(open);
  await expect(late).rejects.toMatchObject({
    code: "FLOTILLA_TOO_LATE",
    details: { why: expect.stringContaining("ended") as string },
  });
});

test("what was asked is an event that a later reader sees too", async () => {
  await using fleet = await createFleet({ definitions });
  const run = await fleet.start(impatient, { onTimeout: "approve" });
  await run.result();
  const events = await collect(run.events());
  expect(events.map((e) => e.type)).toEqual(["run.started", "approval.asked", "run.finished"]);
});
