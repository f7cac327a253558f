// A whole fleet: the server as `flotilla orchestrator` opens it, its tokens, and workers that come in through its gate.
import { contract } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";
import { systemDeps } from "../../src/runtime/deps.ts";
import { serveFleet, type ServedFleet } from "../../src/runtime/serve.ts";
import { openWorker } from "../../src/runtime/serve-worker.ts";

const who = contract({ name: "who", input: z.object({}), output: z.string() });
const ofTeam = (team: string) => who.agent({ name: `who-${team}`, description: "says whose it is", run: () => team });

const deps = { ...systemDeps, log: () => {} };

async function served(): Promise<ServedFleet & AsyncDisposable> {
  const fleet = await serveFleet({ definitions: [who], store: "memory", server: { listen: "127.0.0.1:0" } }, deps);
  return { ...fleet, [Symbol.asyncDispose]: () => fleet.close() };
}
async function tokenOf({ orchestrator }: ServedFleet, role: "worker" | "submitter", namespace: string): Promise<string> {
  return (await orchestrator.access.tokens(null).create({ name: `${role} of ${namespace}`, role, namespace })).token;
}
const connect = (fleet: ServedFleet) => fleet.server.url.replace("http", "ws") as `ws://${string}`;

test("workers come in with a token of their role, and get the work of their namespace", { timeout: 30_000 }, async () => {
  await using fleet = await served();
  const workers = await Promise.all(
    ["a", "b"].map(async (team) =>
      openWorker({ definitions: [ofTeam(team)], connect: connect(fleet), token: await tokenOf(fleet, "worker", team) }, deps),
    ),
  );
  for (const team of ["b", "a", "b"]) {
    const inside = fleet.orchestrator.within(await fleet.orchestrator.access.internNamespace(team));
    const reply = (await inside.start([{ name: "who", input: "{}" }])[0]) as { id: string };
    expect(await inside.outcome(reply.id)).toMatchObject({ status: "succeeded", value: JSON.stringify(team) });
  }
  await Promise.all(workers.map((w) => w.stop()));
});

test(
  "another role, no token and a token that is not known are refused before anything is said",
  { timeout: 30_000 },
  async () => {
    await using fleet = await served();
    const submitter = await tokenOf(fleet, "submitter", "a");
    const worker = (token: string) => openWorker({ definitions: [ofTeam("a")], connect: connect(fleet), token }, deps);
    await expect(worker(submitter)).rejects.toMatchObject({ code: "FLOTILLA_FORBIDDEN" });
    await expect(worker("flt_unknown")).rejects.toMatchObject({ code: "FLOTILLA_UNAUTHENTICATED" });
    expect(await fleet.orchestrator.workers()).toEqual([]);
  },
);
