// What a worker in any language has to do, checked over the wire. A subject is a process that serves three agents: `echo`
// gives back its input, `fail` throws (`{ terminal: true }`: for good), `hold` runs for `ms` or until it is canceled. It
// has two slots, connects with the token "conformance", and drains on SIGTERM.
import { spawn, type ChildProcess } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import { bounds } from "../../src/core/bounds.ts";
import { fence, openDriver, task, type Driver, type Link } from "./driver.ts";

export interface SubjectOptions {
  readonly command: (url: string) => readonly [string, ...string[]];
  /** Why it cannot run here. */
  readonly skip?: string | undefined;
}

export function exerciseWorker(name: string, o: SubjectOptions): void {
  describe.skipIf(o.skip !== undefined)(
    `${name} follows the protocol${o.skip === undefined ? "" : ` (skipped: ${o.skip})`}`,
    { timeout: 60_000 },
    () => {
      const open: { driver: Driver; process: ChildProcess; said: string; gone: Promise<number | null> }[] = [];

      async function subject() {
        const driver = await openDriver();
        const [command, ...args] = o.command(driver.url);
        const process = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
        const mine = {
          driver,
          process,
          said: "",
          gone: new Promise<number | null>((resolve) => process.once("close", (code) => resolve(code))),
        };
        for (const stream of [process.stdout, process.stderr])
          stream.on("data", (text: Buffer) => (mine.said += text.toString()));
        open.push(mine);
        const link = await driver.link();
        return { ...mine, link, next: () => driver.link() };
      }
      async function begun() {
        const s = await subject();
        await s.link.begin();
        return s;
      }
      /** Its task runs: `hold` says so. */
      const holding = async (link: Link, n: number): Promise<void> => {
        link.say({ t: "assign", tasks: [task(n, "hold", {})] });
        expect((await link.next("progress")).fence).toEqual(fence(n));
      };
      const settled = (link: Link) => link.next("settle");

      afterEach(async () => {
        for (const { driver, process, gone } of open.splice(0)) {
          if (process.exitCode === null && process.signalCode === null) process.kill("SIGKILL");
          await gone;
          await driver.close();
        }
      });

      test("begins with who it is, and its token in the header", async () => {
        const { link } = await subject();
        const { hello, fenceMs, inventory } = await link.begin();
        expect(link.request.headers.authorization).toBe("Bearer conformance");
        expect(link.request.headers["sec-websocket-protocol"]).toBe("flotilla.v1");
        expect(hello).toMatchObject({ protocol: 1, name: "subject", slots: 2, build: "b1" });
        expect(hello.definitions.map((d) => d.name).toSorted()).toEqual(["echo", "fail", "hold"]);
        expect(fenceMs).toBeLessThanOrEqual(15_000);
        expect(inventory).toBeUndefined();
      });

      test("runs a task and settles it under its fence", async () => {
        const { link } = await begun();
        const input = { text: 'ü "quoted" \u{1f680}', n: 1.5, list: [null, true] };
        link.say({ t: "assign", tasks: [task(1, "echo", input)] });
        const { fence: under, result } = await settled(link);
        expect(under).toEqual(fence(1));
        expect(result.status).toBe("succeeded");
        expect(JSON.parse((result as { value: string }).value)).toEqual(input);
      });

      test("says how a task failed, and whether for good", async () => {
        const { link } = await begun();
        link.say({ t: "assign", tasks: [task(1, "fail", {})] });
        expect((await settled(link)).result).toMatchObject({ status: "failed", terminal: false, error: { message: "boom" } });
        link.say({ t: "assign", tasks: [task(2, "fail", { terminal: true })] });
        expect((await settled(link)).result).toMatchObject({ status: "failed", terminal: true, error: { message: "told to" } });
      });

      test("gives back what it has no code for", async () => {
        const { link } = await begun();
        link.say({ t: "assign", tasks: [task(1, "unheard-of", {})] });
        expect(await settled(link)).toMatchObject({ fence: fence(1), result: { status: "returned" } });
      });

      test("ignores fields that it does not know", async () => {
        const { link } = await begun();
        link.say({ t: "assign", tasks: [{ ...task(1, "echo", 1), later: [{}] } as never], later: 1 });
        expect((await settled(link)).result).toMatchObject({ status: "succeeded", value: "1" });
      });

      test("takes a frame once", async () => {
        const { link } = await begun();
        const assign = { t: "assign" as const, tasks: [task(1, "echo", 1)] };
        link.say(assign);
        await settled(link);
        link.again(assign);
        await link.without("settle");
      });

      test("stops what is canceled, and says that it has ended", async () => {
        const { link } = await begun();
        await holding(link, 1);
        link.say({ t: "cancel", fence: fence(1), reason: "not wanted" });
        expect((await link.next("ended")).fence).toEqual(fence(1));
        await link.without("settle");
      });

      test("answers a cancel of what is not here, and of an older lease", async () => {
        const { link } = await begun();
        link.say({ t: "cancel", fence: fence(9), reason: "never was" });
        expect((await link.next("ended")).fence).toEqual(fence(9));
        await holding(link, 1);
        link.say({ t: "cancel", fence: fence(1, 0), reason: "an old one" });
        expect((await link.next("ended")).fence).toEqual(fence(1, 0));
        link.say({ t: "ping", n: 1 });
        expect(await link.next("pong")).toMatchObject({ n: 1, holds: 1 });
      });

      test("answers a ping with what it holds, also while its code runs", async () => {
        const { link } = await begun();
        link.say({ t: "ping", n: 1 });
        expect(await link.next("pong")).toEqual({ t: "pong", n: 1, holds: 0 });
        await holding(link, 1);
        link.say({ t: "ping", n: 2 });
        expect(await link.next("pong")).toEqual({ t: "pong", n: 2, holds: 1 });
      });

      test("comes back with its session, and tells again what was not acknowledged", async () => {
        const { link, next } = await begun();
        await holding(link, 1);
        const before = link.received;
        link.say({ t: "assign", tasks: [task(2, "echo", "lost on the way")] });
        await settled(link);
        // That settle never arrived here.
        link.received = before;
        link.cut();
        const second = await next();
        const { session, received } = await second.resume(link);
        expect(session).toBe("s_1");
        expect(received).toBe(3);
        expect(await settled(second)).toMatchObject({ fence: fence(2) });
        // And what ran goes on.
        second.say({ t: "ping", n: 1 });
        expect(await second.next("pong")).toMatchObject({ holds: 1 });
        await second.without("settle");
      });

      test("offers what it runs to an orchestrator that does not know it, and goes on under a new fence", async () => {
        const { link, next } = await begun();
        link.say({ t: "assign", tasks: [task(1, "hold", { ms: 1_500 })] });
        await link.next("progress");
        link.cut();
        const second = await next();
        expect((await second.frame()).t).toBe("resume");
        second.raw({ t: "unknown" });
        const { inventory } = await second.begin({ session: "s_2" });
        expect(inventory).toEqual({
          worker: "w_1",
          held: [{ fence: fence(1), definition: "hold", acts: 0, seq: 0, finished: false }],
        });
        second.say({ t: "adopted", fence: fence(1), next: fence(1, 2, 8), acts: 0 });
        expect(await settled(second)).toMatchObject({ fence: fence(1, 2, 8), result: { status: "succeeded" } });
      });

      test("stops what is offered and not adopted", async () => {
        const { link, next } = await begun();
        await holding(link, 1);
        link.cut();
        const second = await next();
        await second.frame();
        second.raw({ t: "unknown" });
        await second.begin({ session: "s_2" });
        second.say({ t: "cancel", fence: fence(1), reason: "given to another" });
        expect((await second.next("ended")).fence).toEqual(fence(1));
        await second.without("settle");
      });

      test("keeps an end until it is confirmed, and tells it again under the fence that it is adopted by", async () => {
        const { link, next } = await begun();
        link.say({ t: "assign", tasks: [task(1, "echo", "kept"), task(2, "echo", "confirmed")] });
        await settled(link);
        await settled(link);
        link.say({ t: "settled", fence: fence(2) });
        await link.without("settle");
        link.cut();
        const second = await next();
        await second.frame();
        second.raw({ t: "unknown" });
        const { inventory } = await second.begin({ session: "s_2" });
        expect(inventory?.held).toEqual([{ fence: fence(1), definition: "echo", acts: 0, seq: 0, finished: true }]);
        await second.without("settle");
        second.say({ t: "adopted", fence: fence(1), next: fence(1, 2, 8), acts: 0 });
        expect(await settled(second)).toMatchObject({ fence: fence(1, 2, 8), result: { value: '"kept"' } });
      });

      test("stops what it runs when its session is over, and begins anew with nothing", async () => {
        const { link, next } = await begun();
        await holding(link, 1);
        link.raw({ t: "over", error: { code: "FLOTILLA_WORKER_LOST", message: "told to end" } });
        link.close(4410);
        const second = await next();
        const { inventory } = await second.begin({ session: "s_2" });
        expect(inventory?.held ?? []).toEqual([]);
      });

      test("stops what it runs when it has not come back within the grace", async () => {
        const s = await subject();
        await s.link.begin({ graceMs: 300 });
        await holding(s.link, 1);
        s.link.cut();
        // It comes back, and nobody answers: when the grace is over it gives this link up as well.
        const silent = await s.next();
        await silent.frame();
        await silent.ended;
        const second = await s.next();
        for (let frame = await second.frame(); frame.t !== "begin"; frame = await second.frame()) second.raw({ t: "unknown" });
        second.raw({ t: "begun", session: "s_2", worker: "w_2", graceMs: 3_000, silentMs: 15_000 });
        second.say({ t: "ping", n: 1 });
        expect(await second.next("pong")).toMatchObject({ holds: 0 });
      });

      test("takes and sends long messages in parts, no frame above the cap", async () => {
        const { link } = await begun();
        const text = 'é"\\\u{1f680}'.repeat(150_000);
        link.inParts({ t: "assign", tasks: [task(1, "echo", text)] }, 100_000);
        const { result } = await settled(link);
        expect(JSON.parse((result as { value: string }).value) === text).toBe(true);
        expect(link.longest).toBeLessThanOrEqual(bounds.frameBytes);
      });

      test("acknowledges what comes although it has nothing to say", async () => {
        const { link } = await begun();
        for (let i = 0; i < 40; i++) link.say({ t: "settled", fence: fence(100 + i) });
        let acknowledged = 0;
        while (acknowledged < 16) acknowledged = Math.max(acknowledged, ((await link.frame()) as { a: number }).a);
      });

      test("drains when it is told to stop: finishes what it has, takes nothing new, says goodbye and ends", async () => {
        const { link, process, gone } = await begun();
        link.say({ t: "assign", tasks: [task(1, "hold", { ms: 300 })] });
        await link.next("progress");
        process.kill("SIGTERM");
        await link.next("draining");
        link.say({ t: "assign", tasks: [task(2, "echo", 1)] });
        const ends = [await settled(link), await settled(link)];
        expect(ends.find((m) => m.fence.task === 1)?.result.status).toBe("succeeded");
        expect(ends.find((m) => m.fence.task === 2)?.result.status).toBe("returned");
        await link.next("goodbye");
        link.close(1000);
        expect(await gone).toBe(0);
      });
    },
  );
}
