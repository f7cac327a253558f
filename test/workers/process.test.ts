import { describe, expect, test } from "vitest";
import { spawnWorker } from "./process.ts";
import { openWorld } from "./world.ts";

describe("flotilla worker", { timeout: 60_000 }, () => {
  test("serves a folder's definitions from a process of its own", async () => {
    await using world = await openWorld();
    await using worker = spawnWorker(world.url, [
      "--slots",
      "3",
      "--offers",
      "gpu, region:eu",
      "--name",
      "far-1",
      "--pool",
      "heavy",
    ]);
    await worker.until("serves 5 definitions");
    const { value } = await world.run("pids", { n: 20 });
    expect(new Set(value as number[])).toEqual(new Set([worker.process.pid]));
    const [view] = await world.orchestrator.workers();
    expect(view).toMatchObject({ name: "far-1", slots: 3, offers: ["gpu", "region:eu"], pool: "heavy", isolation: "remote" });
  });

  test("on SIGTERM gives back what it cannot finish, says goodbye and ends with 0", async () => {
    await using world = await openWorld();
    await using worker = spawnWorker(world.url, ["--within", "100ms"]);
    await worker.until("serves 5 definitions");
    const id = await world.start("hold", {});
    await worker.until("holding");
    worker.process.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(await world.orchestrator.workers()).toEqual([]);
    const { items } = await world.orchestrator.tasks({ run: id, limit: 1 });
    // Given back, it waits for a worker and no attempt was charged.
    expect(items[0]).toMatchObject({ state: expect.stringMatching(/ready|delayed/) as unknown });
  });

  test("a worker that is killed is missed, and its task is done by another", async () => {
    await using world = await openWorld({ reconnectGraceMs: 200 });
    await using first = spawnWorker(world.url);
    await first.until("serves");
    const id = await world.start("hold", {});
    await first.until("holding");
    first.process.kill("SIGKILL");
    await first.exited;
    await using second = spawnWorker(world.url);
    await second.until("serves");
    await second.until("holding");
    await world.orchestrator.cancel(id, "seen enough");
    expect((await world.outcome(id)).status).toBe("canceled");
  });

  test("in child processes: code that computes for longer than a silent link lives keeps its lease", async () => {
    await using world = await openWorld({ silentMs: 3_500 });
    await using worker = spawnWorker(world.url, ["--isolation", "child-process", "--workers", "2", "--fence-after", "3s"]);
    await worker.until("serves 5 definitions");
    expect((await world.orchestrator.workers()).map((w) => w.isolation)).toEqual(["remote", "remote"]);
    expect(await world.run("compute", { ms: 6_000 })).toEqual({ status: "succeeded", value: 1 });
    const { value } = await world.run("pids", { n: 20 });
    expect(value).not.toContain(worker.process.pid);
    worker.process.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(await world.orchestrator.workers()).toEqual([]);
  });

  test("in child processes: a task that ends its process is quarantined, and the worker goes on", async () => {
    await using world = await openWorld();
    await using worker = spawnWorker(world.url, ["--isolation", "child-process"]);
    await worker.until("serves 5 definitions");
    expect((await world.run("crash", {})).status).toBe("quarantined");
    const { value } = await world.run("pids", { n: 2 });
    expect(value).toHaveLength(2);
  });

  test("a token that is not known is refused, and never shown", async () => {
    await using world = await openWorld();
    await using worker = spawnWorker(world.url, [], "sesame-open");
    expect(await worker.exited).not.toBe(0);
    expect(worker.said()).toContain("the token is not known");
    expect(worker.said()).not.toContain("sesame-open");
  });
});
