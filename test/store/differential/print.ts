// Writes calls as code with the short words of rows.ts. Pasted into a test and given to `replay`, a counter-example has a name.
import { isDeepStrictEqual } from "node:util";
import type { ActBatch, Batch, Claim, NewTask, Requeue, Settlement } from "../../../src/store/contract.ts";
import type { Tick } from "../../../src/store/schedules.ts";
import { actsOf, batch, child, claimOf, failure, refusal, requeueOf, root, settleOf } from "../rows.ts";
import type { Call } from "./calls.ts";

export function codeOf(calls: readonly Call[]): string {
  const names = new Names();
  const lines = calls.map((call) => `  ${callCode(call, names)},`);
  return [...names.lines, "const calls: Call[] = [", ...lines, "];"].join("\n");
}

/** A variable for each task, in the order of birth. */
class Names {
  readonly lines: string[] = [];
  readonly #byTask = new Map<NewTask, string>();
  readonly #byId = new Map<number, { name: string; task: NewTask }>();

  of(t: NewTask): string {
    const known = this.#byTask.get(t);
    if (known !== undefined) return known;
    const same = [...this.#byTask.keys()].filter((k) => k.id === t.id).length;
    const name = `t${t.id}${same === 0 ? "" : `_${same}`}`;
    const parent = t.parent === null ? undefined : this.#byId.get(t.parent);
    const code = parent
      ? `child(${t.id}, ${parent.name}, ${t.act}${over(t, child(t.id, parent.task, t.act as number))})`
      : `root(${t.id}${over(t, root(t.id))})`;
    this.lines.push(`const ${name} = ${code};`);
    this.#byTask.set(t, name);
    if (same === 0) this.#byId.set(t.id, { name, task: t });
    return name;
  }

  byId(id: number): { name: string; task: NewTask } {
    const known = this.#byId.get(id);
    if (!known) throw new Error(`task ${id} is named before it is born`);
    return known;
  }
}

function callCode(call: Call, names: Names): string {
  if (!("commit" in call)) return literal(call);
  const parts: Record<string, Raw> = {};
  const b = call.commit;
  const list = <T>(key: keyof Batch, items: readonly T[], code: (item: T) => string) => {
    if (items.length > 0) parts[key] = new Raw(`[${items.map(code).join(", ")}]`);
  };
  list("acts", b.acts, (a) => actsCode(a, names));
  list("settles", b.settles, (s) => settleCode(s, names));
  list("requeues", b.requeues, (r) => requeueCode(r, names));
  list("tasks", b.tasks, (t) => names.of(t));
  list("ticks", b.ticks, (t) => tickCode(t, names));
  list("claims", b.claims, (c) => claimCode(c, names));
  const { acts: _, settles: __, requeues: ___, tasks: ____, claims: _____, ticks: ______, ...rest } = b;
  return `{ commit: batch(${literal({ ...changes(rest, batch()), ...parts })}) }`;
}

function actsCode(a: ActBatch, names: Names): string {
  const { name, task } = names.byId(a.lease.task);
  const { children, ...said } = changes(a, actsOf(task, a.lease.leaseNo));
  // The helper counts the acts itself.
  const { lastAct } = actsOf(task, a.lease.leaseNo, {
    children: a.children,
    steps: a.steps,
    emits: a.emits,
    waits: a.waits,
    sends: a.sends,
  });
  if (lastAct === a.lastAct) delete said["lastAct"];
  const born = children === undefined ? {} : { children: new Raw(`[${a.children.map((c) => names.of(c)).join(", ")}]`) };
  return `actsOf(${name}, ${a.lease.leaseNo}, ${literal({ ...born, ...said })})`;
}

function tickCode(t: Tick, names: Names): string {
  const runs = t.runs.map((r) => new Raw(literal({ ...r, task: new Raw(names.of(r.task)) })));
  return literal({ ...t, runs });
}

function settleCode(s: Settlement, names: Names): string {
  const { name, task } = names.byId(s.lease.task);
  return `settleOf(${name}, ${s.lease.leaseNo}${over(s, settleOf(task, s.lease.leaseNo))})`;
}

function requeueCode(r: Requeue, names: Names): string {
  const { name, task } = names.byId(r.lease.task);
  return `requeueOf(${name}, ${r.lease.leaseNo}, ${literal(r.next)}${over(r, requeueOf(task, r.lease.leaseNo, r.next))})`;
}

function claimCode(c: Claim, names: Names): string {
  const { name, task } = names.byId(c.task);
  return `claimOf(${name}${over(c, claimOf(task))})`;
}

/** What must be said beside what the helper fills in. */
function over(actual: object, filled: object): string {
  const said = changes(actual, filled);
  return Object.keys(said).length === 0 ? "" : `, ${literal(said)}`;
}
function changes(actual: object, filled: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(actual).filter(([k, v]) => !isDeepStrictEqual(v, (filled as never)[k])));
}

/** Code that is written already. */
class Raw {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}
function literal(value: unknown): string {
  if (value instanceof Raw) return value.code;
  if (isDeepStrictEqual(value, failure)) return "failure";
  if (isDeepStrictEqual(value, refusal)) return "refusal";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([k, v]) => `${/^\w+$/.test(k) ? k : JSON.stringify(k)}: ${literal(v)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
