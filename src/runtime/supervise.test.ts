import { describe, expect, test } from "vitest";
import type { Clock } from "../core/clock.ts";
import type { FromWorker, Hello } from "../protocol/worker.ts";
import type { ChildEvents, ChildWorker } from "../worker/links/child-process.ts";
import { supervise } from "./supervise.ts";
import type { WorkerParts } from "./worker-group.ts";

const hello: Hello = {
  t: "hello",
  protocol: 1,
  name: "child-1",
  pid: 1,
  isolation: "child-process",
  slots: 1,
  offers: [],
  build: "",
  definitions: [],
};

/** Time that moves when told to. */
function manualClock() {
  let now = 0;
  let timers: { at: number; fn: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    elapsedMs: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((t) => t !== timer)) };
    },
  };
  return {
    clock,
    pending: () => timers.map((t) => t.at - now),
    async pass(ms: number) {
      now += ms;
      const due = timers.filter((t) => t.at <= now);
      timers = timers.filter((t) => t.at > now);
      for (const timer of due) timer.fn();
      await turn();
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Process {
  /** It says hello. */
  begin(): void;
  /** It cannot start. */
  fail(error: Error): void;
  die(how: string): void;
  stopped: boolean;
}

function world() {
  const time = manualClock();
  const processes: Process[] = [];
  const log: string[] = [];
  const attached: { lost: string | undefined; observed: boolean | undefined; received: FromWorker[] }[] = [];

  function start(events: ChildEvents): Promise<ChildWorker> {
    const started = Promise.withResolvers<ChildWorker>();
    const process: Process = {
      begin() {
        started.resolve({
          hello,
          pid: 1,
          link: { send: () => {}, kill: () => {} },
          async stop() {
            if (process.stopped) return;
            process.stopped = true;
            events.onExit({ how: "exited with code 0", expected: true });
          },
        });
        // In the same breath as its hello: before anybody could listen.
        events.onMessage({ t: "pong", n: processes.length, holds: 0 });
      },
      fail: started.reject,
      die(how) {
        process.stopped = true;
        events.onExit({ how, expected: false });
      },
      stopped: false,
    };
    processes.push(process);
    return started.promise;
  }

  const parts = {
    clock: time.clock,
    random: () => 1,
    log: (level: string, message: string) => log.push(`${level}: ${message}`),
    orchestrator: {
      attach() {
        const place: (typeof attached)[number] = { lost: undefined, observed: undefined, received: [] };
        attached.push(place);
        return {
          id: "w_1",
          receive: (m: FromWorker) => place.received.push(m),
          lost: (how: string, { observed }: { observed: boolean }) => void Object.assign(place, { lost: how, observed }),
        };
      },
    },
  } as unknown as WorkerParts;
  const last = () => processes.at(-1) as Process;
  return { time, processes, last, log, attached, start: () => supervise("child-1", start, parts) };
}

async function up() {
  const w = world();
  const starting = w.start();
  w.last().begin();
  return { ...w, worker: await starting };
}

describe("the first process", () => {
  test("that cannot start says why, and nothing goes on", async () => {
    const w = world();
    const starting = w.start();
    w.last().fail(new Error("enum is not supported"));
    await expect(starting).rejects.toThrow("enum is not supported");
    expect(w.time.pending()).toEqual([]);
  });

  test("is attached, and heard from its first word", async () => {
    const w = await up();
    expect(w.attached).toHaveLength(1);
    expect(w.attached[0]?.received).toEqual([{ t: "pong", n: 1, holds: 0 }]);
    await w.worker.stop();
  });
});

describe("a process that dies", () => {
  test("is a crash to the orchestrator, and another takes its place", async () => {
    const w = await up();
    w.last().die("exited with code 7");
    await turn();
    expect(w.attached[0]).toMatchObject({ lost: "exited with code 7", observed: true });
    await w.time.pass(100);
    w.last().begin();
    await turn();
    expect(w.attached).toHaveLength(2);
    expect(w.log).toEqual(["warn: child-1 exited with code 7; another takes its place"]);
    await w.worker.stop();
  });

  test("again and again is started ever more slowly, and each failure is told", async () => {
    const w = await up();
    const waits: number[] = [];
    w.last().die("exited with code 1");
    await turn();
    for (let i = 1; i <= 10; i++) {
      waits.push(w.time.pending()[0] ?? NaN);
      await w.time.pass(waits.at(-1) ?? 0);
      w.last().fail(new Error("no such module"));
      await turn();
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
    expect(w.log.filter((line) => line.startsWith("error: child-1 could not start again"))).toHaveLength(10);
    expect(w.log.at(-1)).toContain("(10 in a row): no such module");
    await w.worker.stop();
  });

  test("after a good life is replaced at once", async () => {
    const w = await up();
    for (let i = 0; i < 3; i++) {
      await w.time.pass(10_000);
      w.last().die("exited with code 1");
      await turn();
      expect(w.time.pending()).toEqual([100]);
      await w.time.pass(100);
      w.last().begin();
      await turn();
    }
    await w.worker.stop();
  });
});

describe("a worker that is stopped", () => {
  test("ends its process, which is no crash", async () => {
    const w = await up();
    await w.worker.stop();
    expect(w.last().stopped).toBe(true);
    expect(w.attached[0]).toMatchObject({ lost: "exited with code 0", observed: false });
    expect(w.time.pending()).toEqual([]);
    expect(w.log).toEqual([]);
  });

  test("while it waits to start again starts no more", async () => {
    const w = await up();
    w.last().die("exited with code 1");
    await turn();
    await w.worker.stop();
    await w.time.pass(60_000);
    expect(w.processes).toHaveLength(1);
  });

  test("while one is starting ends that one", async () => {
    const w = await up();
    w.last().die("exited with code 1");
    await turn();
    await w.time.pass(100);
    const stopped = w.worker.stop();
    await turn();
    w.last().begin();
    await stopped;
    expect(w.processes).toHaveLength(2);
    expect(w.last().stopped).toBe(true);
    expect(w.attached.at(-1)).toMatchObject({ observed: false });
  });
});
