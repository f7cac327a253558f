// The HTTP API in front of a real orchestrator, without a socket: requests go in as Request, answers come out as Response.
import type { Role } from "../../src/core/role.ts";
import type { ServerConfig } from "../../src/client/server-config.ts";
import { resolveServer } from "../../src/runtime/server-config.ts";
import { mountedFetch, type FetchHandler } from "../../src/server/mounted.ts";
import { card, openWorld, type TestWorker, type World, type WorldOptions } from "../orchestrator/world.ts";

export const noCommits = () => ({ bounds: [], counts: [0], sumS: 0, failed: 0 });

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // What a test looks into is the test's to know.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Ask {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface Door extends AsyncDisposable {
  readonly world: World;
  readonly fetch: FetchHandler;
  ask(method: string, path: string, o?: Ask): Promise<Answer>;
  /** A new token. */
  token(role: Role, namespace?: string): Promise<string>;
}

export async function openDoor(server: ServerConfig = {}, o: WorldOptions = {}): Promise<Door> {
  const world = await openWorld(o);
  const closing = new AbortController();
  const deps = { clock: world.clock, log: () => {}, commits: noCommits, closing: closing.signal, hooks: [] };
  const fetch = await mountedFetch(world.orchestrator, resolveServer(server, "/"), deps);
  return {
    world,
    fetch,
    async ask(method, path, { token, body, headers } = {}) {
      const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
      const auth = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const at = path.startsWith("/") ? path : `/api/v1/${path}`;
      const reply = await fetch(new Request(`http://localhost${at}`, { method, ...text, headers: { ...auth, ...headers } }));
      const answer = await reply.text();
      return { status: reply.status, headers: reply.headers, text: answer, body: parsed(answer) };
    },
    async token(role, namespace = "default") {
      return (await world.orchestrator.tokens.create({ name: `${role} of ${namespace}`, role, namespace })).token;
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await world[Symbol.asyncDispose]();
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What there is to ask about: a run of a workflow with a child and an approval, and a schedule, all in one namespace. */
export interface Things {
  readonly worker: TestWorker;
  /** By the name that a route's path gives to it. */
  readonly run: string;
  readonly task: string;
  readonly approval: string;
  readonly schedule: string;
  readonly artifact: string;
}

export async function makeThings({ world, ask }: Door, token: string): Promise<Things> {
  const worker = world.worker({ definitions: [card("flow", { kind: "workflow" }), card("work")] });
  const { body } = await ask("POST", "runs", { token, body: { name: "flow", input: {} } });
  await world.turn();
  const run = body.id as string;
  const task = worker.assigned[0];
  if (!task) throw new Error("nothing was assigned");
  const asked = { inputHash: "h", askedAfter: 0 };
  const approval = { title: "Ship?", detail: null, diff: null, role: null, edit: null, onTimeout: "reject" } as const;
  worker.say({ t: "put", fence: task.fence, request: 1, value: '"stored"', type: null });
  worker.say({
    t: "acts",
    fence: task.fence,
    acts: [
      { kind: "child", act: 1, key: "c", definition: "work", input: "{}", ...asked },
      { kind: "approval", act: 2, key: "a", approval, timeoutMs: null, ...asked },
      { kind: "wait", seen: 0 },
    ],
  });
  await world.turn();
  await ask("PUT", "schedules/nightly", { token, body: { target: "work", everyMs: 60_000 } });
  const artifact = (JSON.parse(worker.of("reply")[0]?.value ?? "{}") as { $artifact: string }).$artifact;
  const letters = run.slice(2);
  return { worker, run, task: `t_${letters}`, approval: `a_${letters}.2`, schedule: "nightly", artifact };
}

/** The path of a route with things in it. */
export function pathOf(path: string, things: Things): string {
  const id = path.startsWith("/tasks")
    ? things.task
    : path.startsWith("/approvals")
      ? things.approval
      : path.startsWith("/tokens")
        ? "tok_nobody"
        : things.run;
  const name = path.startsWith("/schedules") ? things.schedule : "work";
  return path.replace(":id", id).replace(":name", name).replace(":ref", things.artifact).slice(1);
}
