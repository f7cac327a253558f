import { describe, expect, it } from "vitest";
import { runView, secret, taskDetail } from "../../test/cli/fake-api.ts";
import { cli as bare, fakeFleet, tempDir } from "../../test/cli/harness.ts";
import type { FakeOrchestrator } from "../../test/cli/fake-api.ts";

const failed = runView({ id: `r_${secret}90`, status: "failed" });
/** Of runs that begin with other letters, so that short ids tell them apart. */
const id = (n: number, kind: "r" | "t" = "r", path = ""): string => `${kind}_${n}${secret.slice(1)}9${n}${path}`;
const short = (n: number, kind: "r" | "t" = "r", path = ""): string => `${kind}_${n}${secret.slice(1, 8)}${path}`;

function succeedAll(fake: FakeOrchestrator): void {
  fake.onStart((run) => fake.finish({ ...run, status: "succeeded" }, { status: "succeeded", value: '{"ok":1}', error: null }));
}

describe("runs repair", () => {
  it("starts a run that goes on from it, waits and prints its output", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(failed);
    succeedAll(fake);
    const { code, out, err } = await cli(`runs repair ${failed.id}`);
    expect([code, JSON.parse(out)]).toEqual([0, { ok: 1 }]);
    expect(err).toContain(`run ${runView().id} repairs r_7k2m9q4x\n`);
  });

  it("--detach prints the new run's id, and runs get says what it goes on from", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(failed);
    expect(await cli(`runs repair ${failed.id} -d`)).toEqual({ code: 0, out: `${runView().id}\n`, err: "" });
    expect((await cli(`runs get ${runView().id}`)).out).toContain("goes on  repair of r_7k2m9q4x\n");
  });

  it("refuses what has succeeded", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView({ status: "succeeded" }));
    const { code, err } = await cli("runs repair 7k2");
    expect([code, err]).toEqual([1, expect.stringContaining("FLOTILLA_TOO_LATE")]);
  });
});

describe("tasks fork", () => {
  it("asks the task with the input that was typed", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(failed);
    fake.putTask(taskDetail({ id: `t_${secret}90.3`, runId: failed.id, name: "review" }));
    succeedAll(fake);
    const { code, err } = await cli("tasks fork t_7k2.3 --input path=b.ts");
    expect([code, err]).toEqual([0, expect.stringContaining("forks t_7k2m9q4x.3\n")]);
    expect(fake.started).toEqual([{ name: "review", input: '{"path":"b.ts"}' }]);
  });

  it("wants an input", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(failed);
    const { code, err } = await cli("tasks fork t_7k2.3");
    expect([code, err]).toEqual([2, expect.stringContaining("--input key=value")]);
    expect(fake.started).toEqual([]);
  });
});

describe("tasks redrive", () => {
  const counters = { stage: "parse", total: 3, running: 0, succeeded: 1, failed: 0, canceled: 0, quarantined: 2, retried: 0 };

  /** Run 1 with two quarantined tasks of three, run 2 that is one itself, run 3 with none. */
  async function quarantined() {
    const opened = await fakeFleet();
    const { fake } = opened;
    fake.putRun(runView({ id: id(1), status: "failed", stages: [counters] }));
    for (const n of [1, 2, 3])
      fake.putTask(
        taskDetail({
          id: id(1, "t", `.${n}`),
          runId: id(1),
          name: n === 2 ? "scan" : "parse",
          state: n === 3 ? "succeeded" : "quarantined",
          input: { n },
        }),
      );
    fake.putRun(runView({ id: id(2), name: "parse", status: "quarantined" }));
    fake.putTask(taskDetail({ id: id(2, "t"), runId: id(2), name: "parse", state: "quarantined", input: { n: 4 } }));
    fake.putRun(runView({ id: id(3), status: "succeeded" }));
    return opened;
  }

  it("runs one task once more and waits for it", async () => {
    const { fake, cli } = await quarantined();
    succeedAll(fake);
    const { code, out, err } = await cli(`tasks redrive ${id(1, "t", ".1")}`);
    expect([code, JSON.parse(out)]).toEqual([0, { ok: 1 }]);
    expect(err).toContain(`redrives ${short(1, "t", ".1")}\n`);
    expect(fake.started).toEqual([{ name: "parse", input: '{"n":1}' }]);
  });

  it("--quarantined counts, asks and starts a run for each, those of the latest runs first", async () => {
    const { fake, cli } = await quarantined();
    const asked: string[] = [];
    const no = await cli("tasks redrive --quarantined", { answer: "n", onErr: (text) => void asked.push(text) });
    expect(no).toMatchObject({ code: 0, out: "" });
    expect(no.err).toContain("Start a run for 3 quarantined tasks of 2 runs? [y/N]");
    expect(no.err).toContain("nothing was redriven");
    expect(fake.started).toEqual([]);
    const { code, out, err } = await cli("tasks redrive --quarantined", { answer: "y" });
    expect(code).toBe(0);
    expect(out).toBe(`${short(2, "t")}  r_${secret}1
${short(1, "t", ".1")}  r_${secret}2
${short(1, "t", ".2")}  r_${secret}3
`);
    expect(err).toContain("✔ redrove 3 of 3 tasks\n");
  });

  it("--name, --run and --limit choose", async () => {
    const { fake, cli } = await quarantined();
    const inputs = () => fake.started.splice(0).map((r) => r.input);
    await cli("tasks redrive --quarantined -y --name scan");
    expect(inputs()).toEqual(['{"n":2}']);
    await cli(`tasks redrive --quarantined -y --run ${id(1)}`);
    expect(inputs()).toEqual(['{"n":1}']);
    expect((await cli("tasks redrive --quarantined -y --limit 1")).err).toContain("redrove 1 of 1 task\n");
    expect(inputs()).toEqual(['{"n":4}']);
  });

  it("what was redriven already is left out, unless that run was canceled", async () => {
    const { fake, cli } = await quarantined();
    await cli("tasks redrive --quarantined -y -o json");
    const again = await cli("tasks redrive --quarantined -y");
    expect(again).toMatchObject({ code: 0, out: "", err: "nothing is quarantined that was not redriven yet\n" });
    fake.putRun({ ...(await fake.api.run(`r_${secret}2`)), status: "canceled" });
    expect(JSON.parse((await cli("tasks redrive --quarantined -y -o json")).out)).toMatchObject({
      action: "redrive",
      finished: true,
      count: 1,
      done: 1,
      refused: 0,
      refusals: [],
      started: [{ of: id(1, "t", ".1"), run: `r_${secret}4` }],
    });
  });

  it("goes on when one is refused, says which, and exits 1", async () => {
    const { fake, cli } = await quarantined();
    fake.putTask(taskDetail({ id: id(2, "t"), runId: id(2), name: "nobody", state: "quarantined" }));
    const { code, out, err } = await cli("tasks redrive --quarantined -y");
    expect(code).toBe(1);
    expect(out.split("\n")).toHaveLength(3);
    expect(err).toContain(`${short(2, "t")}:\n`);
    expect(err).toContain("FLOTILLA_UNKNOWN_DEFINITION");
    expect(err).toContain("redrove 2 of 3 tasks\n");
  });

  it("without anybody to ask it wants -y", async () => {
    const { fake, cli } = await quarantined();
    const { code, err } = await cli("tasks redrive --quarantined", { stdin: "" });
    expect([code, err]).toEqual([2, expect.stringContaining("say so: -y")]);
    expect(fake.started).toEqual([]);
  });

  it.each([
    ["", "it takes either a task or --quarantined or --where"],
    ["t_1 --quarantined", "it takes either a task or --quarantined"],
    ["t_1 --name parse -y", "--name and --yes go with --quarantined or --where"],
    ["--quarantined --limit 0", "whole number"],
  ])("refuses %j", async (words, why) => {
    const { cli } = await fakeFleet();
    const { code, err } = await cli(`tasks redrive ${words}`.trim());
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
  });
});

describe("run, by the clock", () => {
  it("--start-at, --deadline and --ttl reach the fleet", async () => {
    const { fake, cli } = await fakeFleet();
    await cli("run review-all -d --start-at 2026-12-01T08:00:00+02:00 --deadline 2026-12-01T09:00Z --ttl 10m");
    await cli("run review-all -d --deadline 2h");
    expect(fake.started).toEqual([
      {
        name: "review-all",
        input: "{}",
        startAt: "2026-12-01T06:00:00.000Z",
        deadlineAt: "2026-12-01T09:00:00.000Z",
        ttlMs: 600_000,
      },
      { name: "review-all", input: "{}", deadlineMs: 7_200_000 },
    ]);
  });

  it.each([
    ["--start-at tomorrow", "2026-12-01T06:00:00Z"],
    ["--start-at 2026-13-01", "2026-12-01T06:00:00Z"],
    ["--deadline soon", "a span such as 30s"],
    ["--deadline 2026-02-30T99:00", "an instant"],
    ["--ttl 0s", "a span such as 30s"],
    ["--ttl 10", "a span such as 30s"],
  ])("refuses %s", async (words, why) => {
    const { fake, cli } = await fakeFleet();
    const { code, err } = await cli(`run review-all ${words}`);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    expect(fake.started).toEqual([]);
  });
});

it.each(["runs repair r_7k", "tasks fork t_7k --input a=1", "tasks redrive t_7k", "tasks redrive --quarantined -y"])(
  "%s needs a fleet that is up",
  async (words) => {
    const { code, err } = await bare(words.split(" "), { cwd: tempDir() });
    expect([code, err]).toEqual([4, expect.stringContaining("flotilla up")]);
  },
);
