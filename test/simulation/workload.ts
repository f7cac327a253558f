// What the world runs: real agents and workflows, and the programs that break when a part of the rule of replay is missing.
import { agent } from "../../src/client/agent.ts";
import { message } from "../../src/client/message.ts";
import { workflow } from "../../src/client/workflow.ts";
import type { AgentContext, WorkflowContext } from "../../src/core/context.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { TerminalError } from "../../src/core/error.ts";
import { open, programs } from "../replay/programs.ts";

/** What code on a worker can see of the world that it runs in. */
export interface Stage {
  /** Code of an attempt begins; gives what ends it. */
  begin(task: string, attempt: number): { end(value: unknown): void };
  /** In the virtual time of the process that runs now. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** The process that runs now is gone. */
  die(): void;
  random(): number;
}

let stage: Stage | undefined;
/** One world at a time: definitions are modules' constants, as users' are. */
export function setStage(next: Stage | undefined): void {
  stage = next;
}
function here(): Stage {
  if (!stage) throw new Error("no world is running");
  return stage;
}

interface In {
  readonly n?: number;
  readonly fail?: boolean;
  readonly items?: readonly number[];
}
type Options = Partial<Pick<Parameters<typeof agent>[0], "retry" | "timeout" | "idempotent">>;

function worked(name: string, o: Options, run: (input: In, ctx: AgentContext, on: Stage) => Promise<unknown>) {
  return agent({
    name,
    input: open<In>(),
    output: open<number>(),
    ...o,
    async run(input, ctx) {
      const on = here();
      const code = on.begin(ctx.task.id, ctx.task.attempt);
      try {
        const value = await run(input, ctx, on);
        code.end(value);
        return value as number;
      } catch (e) {
        code.end(undefined);
        throw e;
      }
    },
  });
}

/** 64 KiB is the most that lies in a row: this one becomes an artifact. */
const large = (n: number): string => `${n}:`.padEnd(70_000, "x");

async function work(on: Stage, signal: AbortSignal, mostMs: number): Promise<void> {
  // Some end in the turn in which they began.
  if (on.random() < 0.8) await on.sleep(on.random() * mostMs, signal);
}

export const inc = worked("inc", {}, async ({ n, fail }, ctx, on) => {
  await work(on, ctx.signal, 60);
  if (fail) throw new TerminalError("inc was told to fail");
  return (n ?? 0) + 1;
});
const double = worked("double", {}, async ({ n, fail }, ctx, on) => {
  await work(on, ctx.signal, 30);
  if (fail) throw new TerminalError("double was told to fail");
  return (n ?? 0) * 2;
});
const sum = worked("sum", {}, async ({ items }, ctx, on) => {
  await work(on, ctx.signal, 10);
  return (items ?? []).reduce((a, b) => a + b, 0);
});
const flaky = worked("flaky", { retry: { attempts: 4, backoff: "exponential", from: "200ms" } }, async ({ n }, ctx, on) => {
  await work(on, ctx.signal, 40);
  if (on.random() < 0.4) throw new Error("not this time");
  return (n ?? 0) + 100;
});
const slow = worked("slow", { timeout: "2s", retry: { attempts: 2, backoff: "fixed", from: "300ms" } }, async (_, ctx, on) => {
  // Now and then it hangs: only its timeout ends it.
  await on.sleep(on.random() < 0.15 ? 3_600_000 : on.random() * 3_500, ctx.signal);
  return 7;
});
const poison = worked("poison", {}, async (_, ctx, on) => {
  await work(on, ctx.signal, 5);
  on.die();
  await on.sleep(3_600_000, ctx.signal);
});
/** Goes on when it is told to stop: its process must be ended. */
const deaf = worked("deaf", { timeout: "1s", retry: { attempts: 2, backoff: "fixed", from: "200ms" } }, async (_, __, on) => {
  await on.sleep(on.random() * 9_000);
  return 5;
});
const big = worked("big", {}, async ({ n }, ctx, on) => {
  await work(on, ctx.signal, 40);
  return large(n ?? 0);
});
const stepper = worked("stepper", { retry: { attempts: 3, backoff: "fixed", from: "100ms" } }, async ({ n }, ctx, on) => {
  let value = n ?? 0;
  for (let i = 0; i < 3; i++) {
    value += await ctx.step(`s${i}`, async () => (await on.sleep(on.random() * 40, ctx.signal), i));
    if (on.random() < 0.1) throw new Error("between two steps");
  }
  ctx.progress({ done: 3, total: 3 });
  return value;
});
const keeper = worked("keeper", { retry: { attempts: 8, backoff: "fixed", from: "400ms" } }, async ({ n }, ctx) => {
  const ref = await ctx.artifact.put({ n });
  return (await ctx.artifact.get(ref)).n;
});

export const agents: readonly AnyCallable[] = [inc, double, sum, flaky, slow, big, stepper, keeper];
/** Hosted by themselves, so that the rest of a seed goes on. */
export const killers: readonly AnyCallable[] = [poison, deaf, sum];

function flow(name: string, run: (input: In, ctx: WorkflowContext) => unknown): AnyCallable {
  return workflow({ name, input: open<In>(), output: open<unknown>(), run });
}
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const wide = flow("wide", async ({ n }, ctx) => {
  const joined = await ctx
    .map(
      inc,
      range(n ?? 30).map((i) => ({ n: i, fail: i % 11 === 7 })),
    )
    .settled();
  return joined.items.map((item) => item.status);
});
const nest: AnyCallable = flow("nest", async ({ n }, ctx) => {
  const depth = n ?? 0;
  const here = await ctx.call(inc, { n: depth });
  return depth === 0 ? here : here + ((await ctx.call(nest, { n: depth - 1 })) as number);
});
const tree: AnyCallable = flow("tree", async ({ n }, ctx) => {
  const depth = n ?? 0;
  if (depth === 0) return ctx.call(double, { n: 1 });
  const log: number[] = [];
  await Promise.all(
    range(3).map(async (i) => {
      const below = (await ctx.call(tree, { n: depth - 1 }, { key: `branch ${i}` })) as number;
      log.push(i);
      await ctx.call(inc, { n: log.length * 10 + below });
    }),
  );
  return log.length;
});
const racing = flow("racing", async (_, ctx) => {
  const first = await ctx.race({ slow: ctx.call(slow, {}), quick: ctx.call(inc, { n: 1 }), flaky: ctx.call(flaky, { n: 2 }) });
  return { first, next: await ctx.call(double, { n: 3 }) };
});
const canceling = flow("canceling", async (_, ctx) => {
  const handles = await Promise.all(range(5).map((i) => ctx.start(nest, { n: 2 + i })));
  await ctx.call(inc, { n: 1 });
  for (const h of handles.slice(1)) await h.cancel("enough");
  const rest = await Promise.all(handles.map((h) => h.result().settled()));
  return rest.map((r) => r.status);
});
const detaching = flow("detaching", async (_, ctx) => {
  await ctx.detach(nest, { n: 2 });
  const { id } = await ctx.detach(flaky, { n: 1 });
  return { id, n: await ctx.call(inc, { n: 1 }) };
});
const heavy = flow("heavy", async (_, ctx) => {
  const [a, b] = await Promise.all([ctx.call(big, { n: 1 }), ctx.call(big, { n: 2 })]);
  const step = await ctx.step("large", () => large(3));
  const kept = await ctx.call(keeper, { n: 4 });
  return [String(a).length, String(b).length, step.length, kept, await ctx.call(inc, { n: 1 })];
});
const mixed = flow("mixed", async (_, ctx) => {
  const all = await Promise.all([
    ctx.call(flaky, { n: 1 }).settled(),
    ctx.call(slow, {}).settled(),
    ctx.call(stepper, { n: 1 }).settled(),
    ctx.call(inc, { fail: true }).settled(),
    ctx.call(deaf, {}).settled(),
  ]);
  return all.map((s) => s.status);
});
const poisoned = flow("poisoned", async (_, ctx) => {
  const [bad, good] = await Promise.all([ctx.call(poison, {}).settled(), ctx.call(sum, { items: [1, 2] }).settled()]);
  return [bad.status, good.status];
});
/** Ends while its children run: they are canceled in slices. */
const leaving = flow("leaving", async (_, ctx) => {
  void ctx.map(
    slow,
    range(12).map((n) => ({ n })),
  );
  void ctx.start(nest, { n: 6 });
  return ctx.call(inc, { n: 1 });
});

/** What clients and siblings send; each value is sent once. */
export const note = message("note", open<string>());

const sleeping = flow("sleeping", async ({ n }, ctx) => {
  await ctx.sleep(`${100 + (n ?? 0)}ms`);
  const won = await ctx.race({ nap: ctx.sleep("700ms"), call: ctx.call(inc, { n: 1 }) });
  await ctx.sleep("1s");
  return won.winner;
});
const listening = flow("listening", async (_, ctx) => {
  const heard = [];
  for (let i = 0; i < 3; i++) heard.push((await ctx.waitFor(note, { timeout: "2s" }).settled()).status);
  return heard;
});
const approving = flow("approving", async (_, ctx) => {
  const first = await ctx.approve({ title: "may it?", timeout: "2s", onTimeout: "approve" }).settled();
  const second = await ctx.approve({ title: "and this?", timeout: "3s" }).settled();
  return [first.status, second.status, await ctx.call(inc, { n: 1 })];
});
const looping = flow("looping", async ({ n }, ctx) => {
  const left = n ?? 0;
  const value = await ctx.call(inc, { n: left });
  void ctx.start(nest, { n: 3 });
  if (left % 2 === 1) await ctx.sleep("150ms");
  if (left > 0) ctx.continueAs({ n: left - 1 });
  return value;
});
const shielding = flow("shielding", async (_, ctx) => {
  try {
    await ctx.sleep("800ms");
    return await ctx.map(
      slow,
      range(4).map((n) => ({ n })),
    );
  } finally {
    await ctx.shield((c) => c.call(inc, { n: 1 }), { within: "20s" });
  }
});
const speaking = flow("speaking", async ({ items }, ctx) => {
  await ctx.send((items as unknown as string[])[0] as string, note, `from ${ctx.task.id}`);
  return "said";
});
const talking = flow("talking", async (_, ctx) => {
  const ear = await ctx.start(listening, {});
  await ear.send(note, `from ${ctx.task.id} above`);
  const [said, heard] = await Promise.all([ctx.call(speaking, { items: [ear.id] }), ear.result()]);
  return [said, heard];
});

/** More children than one batch takes, and more than one slice of a cancel closes. */
const crowd = flow("crowd", ({ n }, ctx) => {
  void ctx.map(
    slow,
    range(700).map((i) => ({ n: i })),
  );
  // Its end comes with its acts, or when some of them have ended.
  return n === 0 ? "at once" : ctx.call(inc, { n: 1 });
});

/** Each program under a name of its own. */
const named = Object.entries(programs).map(([title, p]) =>
  flow(`p-${title.replace(/[^a-zA-Z0-9]+/g, "-")}`, (_, ctx) =>
    (p["~definition"].run as (i: null, c: unknown) => unknown)(null, ctx),
  ),
);

export const workflows: readonly AnyCallable[] = [
  wide,
  nest,
  tree,
  racing,
  canceling,
  detaching,
  heavy,
  mixed,
  poisoned,
  leaving,
  sleeping,
  listening,
  approving,
  looping,
  shielding,
  speaking,
  talking,
  crowd,
  ...named,
];
export const programNames: readonly string[] = named.map((w) => w.name);
export function workflowNamed(name: string): AnyCallable | undefined {
  return workflows.find((w) => w.name === name);
}

/** What clients start: the shape of a seed's work. */
export interface Wish {
  readonly name: string;
  readonly input: In;
  readonly keyed: boolean;
  readonly delayMs: number;
  readonly tenant: string | undefined;
  readonly priority: "high" | "low" | undefined;
}
export function wishes(random: () => number): Wish[] {
  const below = (n: number): number => Math.floor(random() * n);
  const wish = (name: string, input: In = {}): Wish => ({
    name,
    input,
    keyed: random() < 0.5,
    delayMs: random() < 0.15 ? 50 + below(3_000) : 0,
    tenant: random() < 0.3 ? `tenant ${below(3)}` : undefined,
    priority: random() < 0.2 ? (["high", "low"] as const)[below(2)] : undefined,
  });
  const list = [
    wish("wide", { n: 20 + below(30) }),
    wish("wide", { n: 10 + below(10) }),
    wish("nest", { n: 5 + below(6) }),
    wish("tree", { n: 2 + below(2) }),
    wish("racing"),
    wish("canceling"),
    wish("detaching"),
    wish("heavy"),
    wish("mixed"),
    wish("poisoned"),
    wish("leaving"),
    wish("sleeping", { n: below(2_000) }),
    wish("sleeping", { n: below(200) }),
    wish("listening"),
    wish("listening", { n: 1 }),
    wish("approving"),
    wish("approving", { n: 1 }),
    wish("looping", { n: 2 + below(5) }),
    wish("looping", { n: 1 + below(3) }),
    wish("shielding"),
    wish("shielding", { n: 1 }),
    wish("talking"),
  ];
  if (random() < 0.08) list.push(wish("crowd", { n: below(2) }));
  for (let i = 0; i < 9; i++) list.push(wish(programNames[below(programNames.length)] as string));
  for (let i = 0; i < 14; i++) {
    const name = ["inc", "flaky", "slow", "stepper", "big", "keeper", "double"][below(7)] as string;
    list.push(wish(name, { n: i, fail: random() < 0.1 }));
  }
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [list[i], list[j]] = [list[j] as Wish, list[i] as Wish];
  }
  return list;
}
