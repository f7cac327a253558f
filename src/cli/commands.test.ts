import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cli, fakeFleet, tempDir } from "../../test/cli/harness.ts";
import { approvalView, healthView, runView, secret, taskDetail, workerView } from "../../test/cli/fake-api.ts";
import type { PlanNodeView, StageView } from "../protocol/views.ts";

const stage = (o: Partial<StageView>): StageView => ({
  stage: "review",
  total: 10,
  running: 0,
  succeeded: 0,
  failed: 0,
  canceled: 0,
  quarantined: 0,
  retried: 0,
  ...o,
});
const done = runView({
  status: "succeeded",
  finishedAt: "2026-11-22T10:00:03.400Z",
  tasks: { total: 11, done: 11, failed: 1 },
  stages: [stage({ succeeded: 9, failed: 1 })],
});

describe("runs", () => {
  it("ls prints a table, the ids short and the exact counts", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    fake.putRun(runView({ id: `r_8${secret.slice(1)}2`, name: "greet", tags: ["ci"] }));
    const { code, out, err } = await cli("runs ls");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(`RUN         NAME        STATUS       TASKS  FAILED  TOOK  STARTED  TAGS
r_8k2m9q4x  greet       ● running      0/1          5.0s   5s ago  ci
r_7k2m9q4x  review-all  ✔ succeeded  11/11       1  3.4s   5s ago
`);
  });

  it("ls -o json prints the view itself, and nothing else", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    expect(JSON.parse((await cli("runs ls -o json")).out)).toEqual({ items: [done], next: null });
    expect((await cli("runs ls -o json --status failed")).err).toBe("");
  });

  it("ls says what a page leaves out, and how to go on", async () => {
    const { fake, cli } = await fakeFleet();
    for (let i = 1; i <= 3; i++) fake.putRun(runView({ id: `r_${i}${secret.slice(1)}1`, status: "failed" }));
    const { err } = await cli("runs ls --limit 2 --status failed");
    expect(err).toBe(`showing 2 runs; more: flotilla runs ls --status failed --after r_2${secret.slice(1)}1\n`);
  });

  it("ls tells what to do when there is none", async () => {
    const { cli } = await fakeFleet();
    expect(await cli("runs ls")).toEqual({
      code: 0,
      out: "",
      err: "no run yet; start one: flotilla run NAME --input key=value\n",
    });
    expect((await cli("runs ls --status failed")).err).toBe("no run fits\n");
    expect((await cli("runs ls -q")).err).toBe("");
  });

  it("get shows counts by stage and takes the latest run by default", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    const { out } = await cli("runs get");
    expect(out).toBe(`✔ succeeded  review-all
  id       ${done.id}
  started  2026-11-22T10:00:00.000Z
  took     3.4s
  tasks    11, 1 failed

  STAGE    DONE  FAILED
  review  10/10       1
`);
    expect(JSON.parse((await cli("runs get 7k2 -o json")).out)).toEqual({ ...done, plans: [] });
  });

  it("get shows the nodes of its plans with their states", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    const node: PlanNodeView = {
      id: "files",
      kind: "call",
      agent: "ls",
      needs: [],
      note: null,
      state: "succeeded",
      task: `t_${secret}1.2`,
      tasks: { total: 1, succeeded: 1, failed: 0, open: 0 },
      keptFrom: "plan",
      error: null,
    };
    const nodes: PlanNodeView[] = [
      node,
      {
        ...node,
        id: "parts",
        kind: "map",
        agent: "review",
        needs: ["files"],
        state: "running",
        task: null,
        tasks: { total: 12, succeeded: 8, failed: 1, open: 3 },
        keptFrom: null,
      },
      {
        ...node,
        id: "odd",
        agent: "review",
        state: "failed",
        task: null,
        keptFrom: null,
        error: { code: "FLOTILLA_INPUT_INVALID", message: "no\nname" },
      },
      {
        ...node,
        id: "report",
        agent: "join",
        needs: ["parts", "odd"],
        state: "not-run",
        task: null,
        keptFrom: null,
        note: "for the team",
      },
    ];
    const plans = [{ key: "plan#2", result: "report", nodes }];
    fake.putPlans(done.id, plans);
    const { out } = await cli("runs get");
    expect(out.slice(out.indexOf("\n  plan#2"))).toBe(`
  plan#2, gives report
  NODE    STATE        AGENT   DONE  TASK          NEEDS       NOTE
  files   ✔ succeeded  ls            t_7k2m9q4x.2              kept from plan
  parts   ● running    review  9/12                files
  odd     ✖ failed     review                                  FLOTILLA_INPUT_INVALID: no name
  report  ○ not-run    join                        parts, odd  for the team
`);
    expect(JSON.parse((await cli("runs get -o json")).out)).toMatchObject({ plans });
  });

  it.each([
    ["r_7k2", 0, ""],
    ["7k2m9q", 0, ""],
    ["r_9", 2, "no run r_9"],
    ["run-1", 2, '"run-1" is not an id'],
    ["r_", 2, "is not an id"],
  ])("get %s exits %i", async (id, code, message) => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    const result = await cli(`runs get ${id}`);
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(message)]);
  });

  it("get asks for more letters when several fit", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView({ id: `r_7a${secret.slice(2)}1`, name: "one" }));
    fake.putRun(runView({ id: `r_7b${secret.slice(2)}1`, name: "two" }));
    const { code, err } = await cli("runs get r_7");
    expect(code).toBe(2);
    expect(err).toContain('"r_7" fits 2 runs');
    expect(err).toContain("two");
  });

  it("cancel reaches a run or a task by its first letters", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    fake.putTask(taskDetail({ id: `t_${secret}1.4` }));
    expect((await cli("runs cancel r_7k --reason enough")).code).toBe(0);
    expect((await cli("runs cancel t_7k.4")).code).toBe(0);
    expect(fake.canceled).toEqual([
      { id: runView().id, reason: "enough" },
      { id: `t_${secret}1.4`, reason: "canceled from the command line" },
    ]);
  });

  it("cancel leaves alone what has ended", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    expect((await cli("runs cancel r_7k")).err).toBe("r_7k2m9q4x has succeeded already; nothing to cancel\n");
    expect(fake.canceled).toEqual([]);
  });
});

describe("-o", () => {
  it("ndjson prints a line for each row, and says on stderr where a page goes on", async () => {
    const { fake, cli } = await fakeFleet();
    for (let i = 1; i <= 3; i++) fake.putRun(runView({ id: `r_${i}${secret.slice(1)}1` }));
    const { out, err } = await cli("runs ls -o ndjson --limit 2");
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { id: string }).id.slice(0, 3)),
    ).toEqual(["r_3", "r_2"]);
    expect(err).toContain(`more: flotilla runs ls --after r_2${secret.slice(1)}1\n`);
    expect((await cli("runs ls -o ndjson --status failed")).out).toBe("");
  });

  it("ndjson prints one thing as one line, also on a terminal, and errors as JSON", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    const { out } = await cli("runs get -o ndjson", { tty: 80 });
    expect([out.split("\n").length, JSON.parse(out)]).toMatchObject([2, done]);
    expect(JSON.parse((await cli("runs get r_9 -o ndjson")).err)).toMatchObject({ error: { code: "FLOTILLA_NOT_FOUND" } });
    expect(JSON.parse((await cli("runs nothing -ondjson")).err)).toMatchObject({ error: { code: "USAGE" } });
  });

  it("md prints lists as Markdown, and nothing else", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun({ ...done, tags: ["a|b"] });
    expect((await cli("runs ls -o md")).out).toBe(`| RUN | NAME | STATUS | TASKS | FAILED | TOOK | STARTED | TAGS |
| --- | --- | --- | ---: | ---: | ---: | ---: | --- |
| r_7k2m9q4x | review-all | ✔ succeeded | 11/11 | 1 | 3.4s | 5s ago | a\\|b |
`);
    expect((await cli("explain -o md")).code).toBe(0);
    for (const line of ["runs get -o md", "explain STORE_LOCKED -o md"])
      expect(await cli(line)).toMatchObject({ code: 2, out: "", err: expect.stringContaining("Only lists") as string });
    expect((await cli("approvals ls -o md")).err).toBe("nothing waits for an answer\n");
  });
});

describe("messages and queries", () => {
  it("send stores a value, JSON or text, for a run or a task", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    fake.putTask(taskDetail({ id: `t_${secret}1.4` }));
    const cwd = tempDir();
    writeFileSync(join(cwd, "go.json"), '{"now": true}');
    expect(await cli("runs send r_7k go @go.json --key k", { cwd })).toEqual({
      code: 0,
      out: "",
      err: "✔ sent go to r_7k2m9q4x\n",
    });
    await cli("runs send t_7k.4 go 5");
    await cli("runs send r_7k go hello");
    await cli("runs send r_7k go -", { stdin: "[null]" });
    expect(fake.sent).toEqual([
      { id: runView().id, name: "go", value: '{"now":true}', key: "k" },
      { id: `t_${secret}1.4`, name: "go", value: "5" },
      { id: runView().id, name: "go", value: '"hello"' },
      { id: runView().id, name: "go", value: "[null]" },
    ]);
    expect(JSON.parse((await cli("runs send r_7k go 1 -o json")).out)).toEqual({ id: runView().id, message: "go", stored: true });
  });

  it("send to a run that has ended fails", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(done);
    const { code, err } = await cli("runs send r_7k go 1");
    expect([code, err]).toEqual([1, expect.stringContaining("FLOTILLA_TOO_LATE")]);
  });

  it("query prints what the code answers", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    fake.putAnswer(runView().id, "stage", '"drafting"');
    fake.putAnswer(runView().id, "counts", '{"done":1}');
    expect(await cli("runs query r_7k stage")).toEqual({ code: 0, out: "drafting\n", err: "" });
    expect((await cli("runs query r_7k counts")).out).toBe('{\n  "done": 1\n}\n');
    expect((await cli("runs query r_7k stage -o json")).out).toBe('"drafting"\n');
    const { code, err } = await cli("runs query r_7k nothing");
    expect([code, err]).toEqual([2, expect.stringContaining("it answers stage, counts")]);
  });
});

describe("approvals", () => {
  const edit = { value: { to: "a" }, valueSchema: { type: "object", properties: { to: { type: "string" } } } };

  it("ls prints what waits, the oldest first", async () => {
    const { fake, cli } = await fakeFleet();
    expect((await cli("approvals ls")).err).toBe("nothing waits for an answer\n");
    fake.putApproval(approvalView({ role: "operator", expiresAt: "2026-11-22T10:00:35.000Z" }));
    fake.putApproval(approvalView({ id: `a_${secret}1.5.2`, title: "Delete it?", ...edit }));
    fake.putApproval(approvalView({ id: `a_${secret}1.6`, state: "rejected" }));
    const { out, err } = await cli("approvals ls");
    expect(out).toBe(`APPROVAL        TITLE           FOR       EDIT   ASKED  EXPIRES
a_7k2m9q4x.3    Send the mail?  operator        4s ago  in 30.0s: reject
a_7k2m9q4x.5.2  Delete it?                yes   4s ago
`);
    expect(err).toBe("more of one: flotilla approvals show a_7k2m9q4x.3\n");
    expect(JSON.parse((await cli("approvals ls -o json --limit 1")).out)).toMatchObject({ next: `a_${secret}1.3` });
    expect((await cli("approvals ls --limit 1")).err).toContain(`flotilla approvals ls --after a_${secret}1.3\n`);
  });

  it("show tells all of it, and how to answer", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    fake.putApproval(approvalView({ detail: "to 400 people", diff: "- a\n+ b", expiresAt: "2026-11-23T10:00:00.000Z", ...edit }));
    const { out, err } = await cli("approvals show a_7k.3");
    expect(out).toBe(`! open  Send the mail?
  id       a_${secret}1.3
  run      r_7k2m9q4x
  task     t_7k2m9q4x
  asked    2026-11-22T10:00:01.000Z (4s ago)
  expires  2026-11-23T10:00:00.000Z, then it counts as rejected

  detail
  to 400 people

  diff
  - a
  + b

  value, may be edited
  {
    "to": "a"
  }
`);
    expect(err).toBe(
      'flotilla approvals approve a_7k2m9q4x.3 (edited: --value @file.json)\nflotilla approvals reject a_7k2m9q4x.3 --reason "..."\n',
    );
    expect(JSON.parse((await cli("approvals show a_7k.3 -o json")).out)).toMatchObject({ state: "open", ...edit });
  });

  it("approve answers as the user who asks, with a note and an edited value", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    for (const n of [3, 4]) fake.putApproval(approvalView({ id: `a_${secret}1.${n}`, ...edit }));
    expect(await cli("approvals approve a_7k.3 --note fine")).toEqual({
      code: 0,
      out: "",
      err: "✔ approved a_7k2m9q4x.3 as ada\n",
    });
    const refused = await cli('approvals approve a_7k.4 --value {"to":5}');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("FLOTILLA_INPUT_INVALID")]);
    expect(JSON.parse((await cli('approvals approve a_7k.4 --value {"to":"b"} --by bo -o json')).out)).toEqual({
      id: `a_${secret}1.4`,
      state: "approved",
      by: "bo",
    });
    expect(fake.answered).toEqual([
      { id: `a_${secret}1.3`, how: "approved", by: "ada", note: "fine" },
      { id: `a_${secret}1.4`, how: "approved", by: "bo", value: { to: "b" } },
    ]);
    const late = await cli("approvals approve a_7k.4");
    expect([late.code, late.err]).toEqual([1, expect.stringContaining("FLOTILLA_TOO_LATE")]);
  });

  it("reject needs a reason", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    fake.putApproval(approvalView());
    const refused = await cli("approvals reject a_7k.3");
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--reason")]);
    expect((await cli("approvals reject a_7k.3 --reason late")).err).toBe("✔ rejected a_7k2m9q4x.3 as ada\n");
    expect(fake.answered).toEqual([{ id: approvalView().id, how: "rejected", by: "ada", reason: "late" }]);
  });

  it.each([
    ["approvals show a_9.3", "no approval a_9.3"],
    ["approvals show nothing!", "an approval is a_ and letters"],
    ["approvals show a_7k.9", "no approval"],
  ])("%s exits 2", async (line, message) => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    const { code, err } = await cli(line);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("partial runs", () => {
  const note = (n: number) => ({
    index: n,
    key: `f${n}.ts`,
    task: `t_${secret}1.${n}`,
    status: "failed",
    error: { code: "ERROR", name: "Error", message: `bad ${n}` },
  });
  const partial = {
    ...done,
    status: "partial",
    gaps: { total: 1_234, named: Array.from({ length: 30 }, (_, i) => note(i + 1)) },
  } as const;

  it("get counts the gaps and names the first", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(partial);
    const { code, out } = await cli("runs get");
    expect(code).toBe(0);
    expect(out).toContain("  gaps     1,234\n");
    expect(out).toContain("  GAP            KEY     OUTCOME  WHY\n  t_7k2m9q4x.1   f1.ts   failed   bad 1\n");
    expect(out).toContain("  showing 20 of 1,234 gaps; the rest: -o json\n");
    expect(JSON.parse((await cli("runs get -o json")).out)).toMatchObject(partial);
  });

  it("run ends with 5 and tells what is missing", async () => {
    const { fake, cli } = await fakeFleet();
    const outcome = { status: "partial", value: "[1]", error: null, gaps: JSON.stringify(partial.gaps) } as const;
    fake.onStart((run) => fake.finish({ ...partial, id: run.id }, outcome));
    const { code, out, err } = await cli("run review-all");
    expect({ code, out: JSON.parse(out) as unknown }).toEqual({ code: 5, out: [1] });
    expect(err).toContain("! review-all partial · 3.4s · 11 tasks, 1 failed · 1,234 gaps\n");
    expect(err).toContain("  ! gap f1.ts: bad 1\n  ! gap f2.ts: bad 2\n  ! gap f3.ts: bad 3\n");
    expect(err).toContain("  ! and 1,231 more gaps: flotilla runs get r_7k2m9q4x\n");
    const json = await cli("runs watch -o json -q");
    expect([json.code, JSON.parse(json.out)]).toMatchObject([5, { outcome: { status: "partial", gaps: { total: 1_234 } } }]);
  });
});

describe("tasks", () => {
  it("ls tells the exact total, also of a filter that is counted", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView({ tasks: { total: 412, done: 0, failed: 0 }, stages: [stage({ total: 411, failed: 7 })] }));
    for (let i = 1; i <= 3; i++) {
      fake.putTask(
        taskDetail({
          id: `t_${secret}1.${i}`,
          name: "review",
          key: i === 1 ? "src/a.ts" : "review#abc",
          state: "failed",
          error: { code: "ERROR", name: "Error", message: `bad ${i}` },
        }),
      );
    }
    const { out, err } = await cli("tasks ls --limit 2 --state failed");
    expect(out).toBe(`TASK          NAME    KEY       STATE     TRY  WAITED  WORKER  NOTE
t_7k2m9q4x.1  review  src/a.ts  ✖ failed    1    20ms  w1      bad 1
t_7k2m9q4x.2  review            ✖ failed    1    20ms  w1      bad 2
`);
    expect(err).toBe(`showing 2 of 7 tasks; more: flotilla tasks ls --run r_7k2m9q4x --state failed --after t_${secret}1.2\n`);
  });

  it("get shows attempts and what went wrong first", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    const cause = {
      code: "ERROR",
      name: "TypeError",
      message: "x is not a function",
      stack: "TypeError\n    at node:internal/x\n    at review (file:///app/review.ts:3:1)",
    };
    const error = {
      code: "FLOTILLA_AGENT_FAILED",
      title: "Agent failed",
      message: "m",
      why: "review gave up after 2 attempts",
      fix: ["look"],
      where: "review",
      cause,
    };
    const attempt = {
      leaseNo: 1,
      worker: "w1",
      startedAt: "2026-11-22T10:00:00.000Z",
      endedAt: "2026-11-22T10:00:00.500Z",
      outcome: "failed",
    };
    fake.putTask(
      taskDetail({
        state: "failed",
        error,
        attempts: [
          { ...attempt, attempt: 1, error: cause },
          { ...attempt, attempt: 2, error },
        ],
      }),
    );
    const { out } = await cli("tasks get t_7k");
    expect(out).toContain("1  failed   500ms  w1      TypeError: x is not a function");
    expect(out).toContain("2  failed   500ms  w1      TypeError: x is not a function");
    expect(out).toContain("  cause  TypeError: x is not a function\n         at review (file:///app/review.ts:3:1)\n");
    expect(out).toContain("  more   flotilla explain FLOTILLA_AGENT_FAILED");
  });

  it("explain gives the reason and the next step", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    fake.putExplanation({
      task: `t_${secret}1.2`,
      state: "ready",
      reason: "WORKERS_BUSY",
      detail: "8 of 8 slots are busy",
      fix: ["start more: flotilla up --slots 16"],
    });
    expect((await cli("tasks explain t_7k2.2")).out).toBe(`○ ready  t_7k2m9q4x.2
  reason  WORKERS_BUSY: every capable worker is busy
  detail  8 of 8 slots are busy
  fix     start more: flotilla up --slots 16
`);
  });
});

describe("workers", () => {
  it("ls shows what each does", async () => {
    const { fake, cli } = await fakeFleet();
    fake.setWorkers([workerView({ offers: ["gpu"], tasks: Array.from({ length: 5 }, () => workerView().tasks[0]!) })]);
    expect((await cli("workers ls")).out).toBe(`WORKER    STATE  BUSY  RUNS IN      PID  OFFERS  BUILD  JOINED  TASKS
laptop-1  busy    1/8  in-process  4242  gpu     a1f3   1m ago  review-all t_7k2m9q4x 1.2s, review-all t_7k2m9q4x 1.2s, review-all t_7k2m9q4x 1.2s, 2 more
`);
  });

  it("drain and resume do it and say so", async () => {
    const { fake, cli } = await fakeFleet();
    fake.setWorkers([workerView(), workerView({ name: "laptop-2" })]);
    expect(await cli("workers drain --build a1f3")).toMatchObject({
      code: 0,
      out: "",
      err: "✔ 2 workers here begin nothing new; other orchestrators are told\n",
    });
    expect((await cli("workers drain laptop-2 --park")).err).toBe(
      "✔ 1 worker here begins nothing new; other orchestrators are told\n",
    );
    expect(fake.drained).toEqual([{ build: "a1f3" }, { worker: "laptop-2", park: true }]);
    expect(JSON.parse((await cli("workers drain laptop-2 -o json")).out)).toEqual({ workers: ["laptop-2"] });
    expect(await cli("workers resume --build a1f3")).toMatchObject({
      code: 0,
      err: "✔ a1f3 begins new tasks again; workers that were told to leave do not come back\n",
    });
    expect(fake.drained.map((d) => d.build)).toEqual([undefined, undefined]);
  });

  it("drain of nobody, or of both, says what to do", async () => {
    const { cli } = await fakeFleet();
    for (const args of ["workers drain", "workers drain laptop-1 --build a1f3"]) {
      const { code, err } = await cli(args);
      expect(code).toBe(2);
      expect(err).toContain("flotilla workers drain --build BUILD");
    }
    const { code, err } = await cli("workers drain --build b9");
    expect(code).not.toBe(0);
    expect(err).toContain("no build b9");
    expect(err).toContain("flotilla workers ls");
    expect((await cli("workers resume --build b9")).err).toContain("no drained build b9");
  });
});

describe("run", () => {
  it("waits, prints the output on stdout and the rest on stderr", async () => {
    const { fake, cli } = await fakeFleet();
    fake.onStart((run) =>
      fake.finish({ ...done, id: run.id }, { status: "succeeded", value: '{"ok":true,"headline":"all well"}', error: null }),
    );
    const { code, out, err } = await cli(
      "run review-all --input a=1 --input b.c=x --input d=[1] --tag t --priority high --idempotency-key k",
    );
    expect([code, JSON.parse(out)]).toEqual([0, { ok: true, headline: "all well" }]);
    expect(err).toContain("✔ review-all succeeded · 3.4s · 11 tasks, 1 failed\n  all well\n");
    expect(fake.started[0]).toMatchObject({
      name: "review-all",
      input: '{"a":1,"b":{"c":"x"},"d":[1]}',
      tags: ["t"],
      priority: "high",
      idempotencyKey: "k",
      inputHash: expect.any(String) as string,
    });
  });

  const canceled = "✖ FLOTILLA_CANCELED Canceled\n  why   by hand\n  fix   again\n  more  flotilla explain FLOTILLA_CANCELED\n";
  it.each([
    ["succeeded", "{}", 0, "✔"],
    ["succeeded", '{"gate":{"passed":true}}', 0, "✔"],
    ["succeeded", '{"gate":{"passed":false,"breaches":[{"message":"3 high"}]}}', 3, "✖ gate: 3 high"],
    ["partial", "{}", 5, "! review-all partial"],
    ["partial", '{"gate":{"passed":false}}', 3, "✖ gate: not passed"],
    ["failed", null, 1, canceled],
    ["canceled", null, 1, canceled],
    ["stopped", null, 1, canceled],
    ["quarantined", null, 1, canceled],
  ] as const)("exits as the run ended: %s %s is %i", async (status, value, code, text) => {
    const { fake, cli } = await fakeFleet();
    const error =
      value === null ? { code: "FLOTILLA_CANCELED", title: "Canceled", message: "m", why: "by hand", fix: ["again"] } : null;
    fake.onStart((run) => fake.finish({ ...run, status }, { status, value, error }));
    const result = await cli("run review-all");
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(text)]);
  });

  it("-o json prints the run and its outcome as one object, and errors as JSON on stderr", async () => {
    const { fake, cli } = await fakeFleet();
    fake.onStart((run) => fake.finish({ ...done, id: run.id }, { status: "succeeded", value: "[1]", error: null }));
    expect(JSON.parse((await cli("run review-all -o json -q")).out)).toEqual({
      run: done,
      outcome: { status: "succeeded", value: [1], error: null },
    });
    const refused = await cli("run nobody -o json");
    expect([refused.code, refused.out, JSON.parse(refused.err)]).toMatchObject([
      2,
      "",
      { error: { code: "FLOTILLA_UNKNOWN_DEFINITION" } },
    ]);
  });

  it("exits 2 when the input does not fit the definition's card, and starts nothing", async () => {
    const { fake, cli } = await fakeFleet();
    const inputSchema = { type: "object", properties: { who: { type: "string" } }, required: ["who"] };
    fake.putDefinition({ name: "greet", kind: "agent", description: "", inputSchema });
    const { code, err } = await cli("run greet --input who=5");
    expect([code, err]).toEqual([2, expect.stringContaining("FLOTILLA_INPUT_INVALID")]);
    expect(err).toContain("who");
    expect(fake.started).toEqual([]);
  });

  it("--detach prints the id alone", async () => {
    const { cli } = await fakeFleet();
    expect(await cli("run review-all --detach")).toEqual({ code: 0, out: `${runView().id}\n`, err: "" });
    expect(JSON.parse((await cli("run review-all -d -o json")).out)).toMatchObject({ existing: false });
  });

  it("leaves the run alone when the wait is interrupted", async () => {
    const { fake, cli } = await fakeFleet();
    const result = await cli("run review-all", { onReady: (stop) => void fake.readerCame().then(stop) });
    expect(result.code).toBe(130);
    expect(result.err).toContain("r_7k2m9q4x goes on without being watched");
    expect(fake.canceled).toEqual([]);
  });

  it("draws bars on a terminal and takes them away at the end", async () => {
    const { fake, cli } = await fakeFleet();
    fake.setHealth(healthView({ workers: { live: 1, slots: 8, busy: 8 } }));
    fake.onStart((run) => {
      fake.putRun({ ...done, id: run.id, status: "running", finishedAt: null, stages: [stage({ succeeded: 5, running: 2 })] });
    });
    const onErr = (text: string): void => {
      if (text.includes("2 running")) fake.finish(done, { status: "succeeded", value: "1", error: null });
    };
    const { err } = await cli("run review-all", { tty: 60, env: { NO_COLOR: "1" }, onErr });
    expect(err).toContain("● review-all r_7k2m9q4x  100%  11/11 tasks");
    expect(err).toMatch(/review {2}█+·+ {2}5\/10 {2}2 running/);
    expect(err).toContain("8/8 slots busy");
    // What stands at the end is the summary: the bars were cleared before it.
    expect(err.slice(err.lastIndexOf("\x1b[J"))).toMatch(/^\x1b\[J✔ review-all succeeded/);
  });

  it("writes log lines where there is no terminal", async () => {
    const { fake, cli } = await fakeFleet();
    fake.onStart((run) => fake.finish({ ...done, id: run.id }, { status: "succeeded", value: "1", error: null }));
    const { err } = await cli("run review-all");
    expect(err).toContain("2026-11-22T10:00:05Z run=r_7k2m9q4x done=11 total=11 failed=1 busy=1 status=succeeded\n");
  });
});

describe("a run that waits for a person", () => {
  it("says so while it is watched, with the command that answers it, until it is answered", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    for (const n of [2, 3]) {
      const { id, title } = approvalView({ id: `a_${secret}1.${n}` });
      fake.putApproval(approvalView({ id, state: n === 2 ? "approved" : "open" }));
      fake.emit({ type: "approval.asked", cursor: `${n}`, at: "", runId: runView().id, data: { approval: id, title } });
    }
    let shown = false;
    const onErr = (text: string): void => {
      if (!text.includes("approvals approve")) {
        // Answered: the next look takes it away.
        if (shown) fake.finish(done, { status: "succeeded", value: "1", error: null });
        return;
      }
      if (!shown) void fake.api.approve(approvalView().id, {});
      shown = true;
    };
    const { err } = await cli("runs watch", { tty: 80, env: { NO_COLOR: "1" }, onErr });
    expect(err).toContain("! Send the mail?  flotilla approvals approve a_7k2m9q4x.3");
    // Answered before anybody looked.
    expect(err).not.toContain("a_7k2m9q4x.2");
  });

  it("says so in a log too, once", async () => {
    const { fake, cli } = await fakeFleet();
    fake.putRun(runView());
    const { id, title } = approvalView();
    fake.putApproval(approvalView());
    fake.emit({ type: "approval.asked", cursor: "1", at: "", runId: runView().id, data: { approval: id, title } });
    const onErr = (text: string): void => {
      if (text.includes("approval=")) fake.finish(done, { status: "succeeded", value: "1", error: null });
    };
    const { err } = await cli("runs watch", { onErr });
    expect(
      err.match(/approval=a_7k2m9q4x\.3 title="Send the mail\?" answer="flotilla approvals approve a_7k2m9q4x\.3"/g),
    ).toHaveLength(1);
  });
});

describe("without a fleet", () => {
  it("run and cancel exit 4 and say what to do", async () => {
    const started = await cli(["run", "greet", "--input", "who=Ada Lovelace"]);
    expect(started.code).toBe(4);
    expect(started.err).toContain("flotilla up --run greet --input 'who=Ada Lovelace'");
    for (const line of [
      "runs cancel r_1",
      "runs send r_1 go 1",
      "runs query r_1 q",
      "approvals approve a_1.1",
      "approvals reject a_1.1 --reason no",
    ])
      expect((await cli(line.split(" "))).code).toBe(4);
  });

  it("a look at a store that is not there exits 4 and creates nothing", async () => {
    const cwd = tempDir();
    const { code, err } = await cli(["runs", "ls"], { cwd });
    expect(code).toBe(4);
    expect(err).toContain(".flotilla/dev.db, and there is no such file yet");
  });

  it("refuses a store in memory, an unknown one, and a PostgreSQL that does not answer", async () => {
    expect(await cli(["runs", "ls", "--store", "memory"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("belongs to one process") as string,
    });
    expect(await cli(["runs", "ls", "--store", "mysql:x"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("FLOTILLA_CONFIG_INVALID") as string,
    });
    expect(await cli(["runs", "ls", "--store", "postgres://u:hidden@127.0.0.1:1/d"])).toMatchObject({
      code: 4,
      err: expect.stringMatching(/^(?!.*hidden).*FLOTILLA_STORE_UNREACHABLE/s) as string,
    });
  });
});

describe("what was typed wrong", () => {
  it.each([
    ["nonsense", 'Unknown command "nonsense"', "flotilla --help"],
    ["rns ls", 'Unknown command "rns"', "did you mean"],
    ["runs lss", 'Unknown command "lss"', "did you mean ls?"],
    ["runs ls --limit 0", '"0" is no value for --limit', "whole number from 1 to 500"],
    ["runs ls --status done", '"done" is no value for --status', "succeeded"],
    ["runs ls --statis failed", 'Unknown option "--statis"', "--status?"],
    ["runs cancel", "What is to be canceled?", "either an id or --where"],
    ["tasks get", 'Missing required argument "task"', "flotilla tasks get --help"],
    ["runs get a b", 'Too many arguments for "get"', "Expected 1 argument"],
    ["run x --input nope", '--input "nope" is neither', "key=value"],
    ["run x --input {oops", "--input is not JSON", "quote it for the shell"],
    ["run x --input @none.json", "Cannot read the input file", "there is no such file"],
    ["run x --input @.", "Cannot read the input file", "it is a folder"],
    ["run x --input -", "stdin is this terminal", "pipe it in"],
    ["run x --input a=1 --input [1]", "is no object", "under a key"],
    ["runs send r_1 go", 'Missing required argument "value"', "flotilla runs send --help"],
    ["runs send r_1 go {oops", "VALUE is not JSON", "quote it for the shell: '{"],
    ["approvals approve a_1.1 --value @none.json", "Cannot read the input file", "flotilla approvals approve --help"],
    ["up --input a=1", "--input belongs to a run", "flotilla up --run NAME"],
    ["explain FLOTILLA_NOPE", "is no code of ours", "flotilla explain"],
    ["up --config none.ts", "FLOTILLA_DEFINITION_UNREADABLE", "there is no such file"],
  ])("%s", async (line, title, advice) => {
    const { code, out, err } = await cli(line.split(" "));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(title);
    expect(err).toContain(advice);
  });

  it("input from a broken file names the file", async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, "in.json"), "{");
    expect((await cli(["run", "x", "--input", "@in.json"], { cwd })).err).toContain(`${join(cwd, "in.json")} is not JSON`);
  });
});

describe("help", () => {
  it("goes to stdout when asked for, and exits 0", async () => {
    for (const line of [[], ["--help"], ["runs", "--help"], ["run", "--help"], ["up", "-h"]]) {
      const { code, out, err } = await cli(line);
      expect({ code, err, text: out.includes("Usage: flotilla") }).toEqual({ code: 0, err: "", text: true });
    }
    expect((await cli(["--version"])).out).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("goes to stderr for a group without a command, and exits 2", async () => {
    expect(await cli(["runs"])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("Usage: flotilla runs") as string,
    });
  });
});

describe("explain", () => {
  it("knows every code and reason, with or without the prefix", async () => {
    const listed = JSON.parse((await cli(["explain", "-o", "json"])).out) as { code: string }[];
    for (const { code } of listed) expect((await cli(["explain", code])).code).toBe(0);
    expect((await cli(["explain", "store-locked"])).out).toContain("FLOTILLA_STORE_LOCKED  Another process owns this database");
    expect((await cli(["explain", "workers_busy"])).out).toContain("every capable worker is busy");
  });
});
