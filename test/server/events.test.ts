import { expect, test } from "vitest";
import { openDoor, type Door } from "./door.ts";

/** Reads messages until `until` of them were seen, then hangs up. */
async function read(door: Door, token: string, run: string, o: { until: number; after?: string }): Promise<string[]> {
  const headers = { authorization: `Bearer ${token}`, ...(o.after === undefined ? {} : { "last-event-id": o.after }) };
  const reply = await door.fetch(new Request(`http://localhost/api/v1/runs/${run}/events`, { headers }));
  expect(reply.headers.get("content-type")).toContain("text/event-stream");
  const decoder = new TextDecoder();
  let text = "";
  const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
  const messages = () =>
    text
      .split("\n\n")
      .slice(0, -1)
      .filter((m) => !m.startsWith(":"));
  while (messages().length < o.until) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return messages();
}
const idOf = (message: string | undefined) => /^id: (\d+)$/m.exec(message ?? "")?.[1];
const typeOf = (message: string) => /^event: (\S+)$/m.exec(message)?.[1];

test("a reader that comes back with its last event misses none and gets none twice", async () => {
  await using door = await openDoor();
  const token = await door.token("submitter");
  const worker = door.world.worker();
  const { body } = await door.ask("POST", "runs", { token, body: { name: "work", input: {} } });
  const run = body.id as string;
  await door.world.turn();
  const [task] = worker.assigned;
  if (!task) throw new Error("nothing was assigned");
  const emit = (act: number) =>
    worker.say({
      t: "acts",
      fence: task.fence,
      acts: [{ kind: "emit", act, key: `e${act}`, askedAfter: 0, name: "n", value: String(act) }],
    });
  for (let act = 1; act <= 3; act++) emit(act);
  await door.world.turn();
  const first = await read(door, token, run, { until: 3 });
  expect(first.map(typeOf)).toEqual(["run.started", "custom", "custom"]);
  // More happens while nobody reads.
  for (let act = 4; act <= 6; act++) emit(act);
  worker.succeed(task);
  await door.world.turn();
  const second = await read(door, token, run, { until: 99, after: idOf(first.at(-1)) ?? "" });
  expect(second.map(typeOf)).toEqual(["custom", "custom", "custom", "custom", "run.finished", "end"]);
  const values = [...first, ...second].flatMap((m) => (typeOf(m) === "custom" ? [/"value":(\d+)/.exec(m)?.[1]] : []));
  expect(values).toEqual(["1", "2", "3", "4", "5", "6"]);
  // A reader that was at the end is told so again.
  const last = second.findLast((m) => idOf(m) !== undefined);
  expect((await read(door, token, run, { until: 99, after: idOf(last) ?? "" })).map(typeOf).at(-1)).toBe("end");
});

test("what is no cursor is refused before anything is streamed", async () => {
  await using door = await openDoor();
  const token = await door.token("submitter");
  door.world.worker();
  const { body } = await door.ask("POST", "runs", { token, body: { name: "work", input: {} } });
  const refused = await door.ask("GET", `runs/${body.id}/events`, { token, headers: { "last-event-id": "yesterday" } });
  expect([refused.status, refused.body.code]).toEqual([400, "FLOTILLA_CONFIG_INVALID"]);
});

test("a token that is revoked, or expires, breaks off the stream that it opened, and opens no other", async () => {
  await using door = await openDoor();
  const { tokens } = door.world.orchestrator;
  const { clock } = door.world;
  door.world.worker();
  const { id } = await door.world.start("work");
  const open = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await door.fetch(new Request(`http://localhost/api/v1/runs/${id}/events`, { headers }))).text();
  };
  const revoked = await tokens.create({ name: "r", role: "viewer" });
  const expiring = await tokens.create({ name: "e", role: "viewer", expiresAt: new Date(clock.now() + 20_000).toISOString() });
  const kept = await tokens.create({ name: "k", role: "viewer" });
  const streams = [revoked, expiring, kept].map(({ token }) => open(token));
  const ended: number[] = [];
  for (const [i, stream] of streams.entries()) void stream.then(() => ended.push(i));
  const pass = async () => {
    clock.advance(15_000);
    for (let i = 0; i < 4; i++) await door.world.turn();
    return [...ended];
  };
  await door.world.turn();
  await tokens.revoke(revoked.id);
  expect([await pass(), await pass()]).toEqual([[0], [0, 1]]);
  expect(await streams[0]).not.toContain("event: end");
  expect((await door.ask("GET", "health", { token: revoked.token })).status).toBe(401);
  expect(await pass()).toEqual([0, 1]);
  await door.world.orchestrator.cancel(id, "enough");
  await door.world.turn();
  expect(await streams[2]).toContain("event: end");
});
