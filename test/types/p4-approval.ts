import { agent, workflow, message, createFleet, isFlotillaError } from "flotilla";
import * as z from "zod";

const Mail = z.object({ to: z.email(), body: z.string() });
const send = agent({
  name: "send-mail",
  input: Mail,
  async run(m, ctx) {
    return ctx.step("smtp", ({ effectKey }) => ({ id: effectKey, to: m.to }));
  },
});
export const paid = message("invoice.paid", z.object({ invoice: z.string(), at: z.coerce.date() }));

export const campaign = workflow({
  name: "campaign",
  input: z.object({ invoice: z.string(), draft: Mail }),
  async run({ invoice, draft }, ctx) {
    const payment = await ctx.waitFor(paid, { timeout: "7d" }).settled();
    if (payment.status !== "succeeded") return { sent: false as const, why: payment.error.message };
    payment.value.at satisfies Date;
    // await = approved (throws when rejected): code after it cannot run by accident
    const ok = await ctx.approve({
      title: `Send mail for ${invoice}?`,
      detail: draft.body,
      edit: { schema: Mail, value: draft },
      timeout: "1d",
      onTimeout: "reject",
      role: "operator",
    });
    ok.value.to satisfies string;
    ok.by satisfies string;
    const r = await ctx.call(send, ok.value);
    return { sent: true as const, id: r.id };
  },
});

const fleet = await createFleet({ store: "sqlite:x.db", definitions: [send, campaign] });
const run = await fleet.start(campaign, { invoice: "i1", draft: { to: "a@b.c", body: "hi" } });
await run.send(paid, { invoice: "i1", at: "2026-11-22" });
// @ts-expect-error message payload
await run.send(paid, { invoice: 1, at: "2026-11-22" });
for await (const e of run.events({ types: ["approval.asked"] })) {
  await fleet.approvals.approve(e.data.approval, { note: "fine" });
  break;
}
try {
  const res = await run.result();
  if (res.sent) res.id satisfies string;
  else res.why satisfies string;
} catch (e) {
  if (isFlotillaError(e, "FLOTILLA_REJECTED")) console.log(e.details.reason);
  else throw e;
}

workflow({
  name: "plain",
  input: z.object({}),
  async run(_i, ctx) {
    const a = await ctx.approve({ title: "go?" });
    a.value satisfies undefined;
    // @ts-expect-error edit.value must fit the schema
    await ctx.approve({ title: "go?", edit: { schema: Mail, value: { to: 1, body: "x" } } });
    return null;
  },
});
