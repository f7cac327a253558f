import { describe, expect, it } from "vitest";
import { fakeFleet, cli as bare, tempDir } from "../../test/cli/harness.ts";

const put = { name: "nightly", target: "review-all", input: '{"depth":2}', cron: "30 2 * * *", timeZone: "Europe/Berlin" };

describe("schedules", () => {
  it("ls prints each with its next tick", async () => {
    const { fake, cli } = await fakeFleet();
    await fake.api.schedules.put(put);
    await fake.api.schedules.put({ name: "often", target: "greet", input: "null", everyMs: 900_000 });
    await fake.api.schedules.pause("often");
    const { code, out } = await cli("schedules ls");
    expect(code).toBe(0);
    expect(out).toBe(`SCHEDULE  STATE   STARTS      WHEN                      NEXT
nightly   active  review-all  30 2 * * * Europe/Berlin  2026-11-22T11:00:00.000Z
often     paused  greet       every 15m00s
`);
    const { items } = JSON.parse((await cli("schedules ls -o json")).out) as { items: unknown };
    expect(items).toEqual((await fake.api.schedules.list({})).items);
  });

  it("ls says how to go on, and what to do when there is none", async () => {
    const { fake, cli } = await fakeFleet();
    expect((await cli("schedules ls")).err).toContain("no schedule yet: defineFleet");
    for (const name of ["a", "b"]) await fake.api.schedules.put({ ...put, name });
    expect((await cli("schedules ls --limit 1")).err).toBe("showing 1 schedule; more: flotilla schedules ls --after a\n");
  });

  it("get shows one", async () => {
    const { fake, cli } = await fakeFleet();
    await fake.api.schedules.put(put);
    expect((await cli("schedules get nightly")).out).toBe(`active  nightly
  starts   review-all
  input    {"depth":2}
  when     30 2 * * * Europe/Berlin
  next     2026-11-22T11:00:00.000Z
  missed   once
  overlap  skip
`);
    expect(JSON.parse((await cli("schedules get nightly -o json")).out)).toEqual(await fake.api.schedules.get("nightly"));
  });

  it("pause, resume, trigger and rm do it and say so", async () => {
    const { fake, cli } = await fakeFleet();
    await fake.api.schedules.put(put);
    expect(await cli("schedules pause nightly")).toMatchObject({
      code: 0,
      err: "✔ nightly is paused; go on: flotilla schedules resume nightly\n",
    });
    expect((await cli("schedules resume nightly")).err).toBe("✔ nightly ticks next at 2026-11-22T11:00:00.000Z\n");
    const { out } = await cli("schedules trigger nightly");
    expect(fake.started).toMatchObject([{ name: "review-all", input: '{"depth":2}' }]);
    expect((await fake.api.run(out.trim())).name).toBe("review-all");
    expect(JSON.parse((await cli("schedules pause nightly -o json")).out)).toMatchObject({ state: "paused" });
    expect(await cli("schedules rm nightly")).toMatchObject({ code: 0, out: "", err: "✔ nightly is deleted\n" });
    expect((await fake.api.schedules.list({})).items).toEqual([]);
  });

  it.each(["get", "pause", "resume", "trigger", "rm"])("%s of one that is not there says where to look", async (word) => {
    const { cli } = await fakeFleet();
    const { code, err } = await cli(`schedules ${word} nobody`);
    expect(code).not.toBe(0);
    expect(err).toContain("no schedule nobody");
    expect(err).toContain("flotilla schedules ls");
  });

  it("changes need a fleet that is up", async () => {
    const { code, err } = await bare(["schedules", "pause", "nightly"], { cwd: tempDir() });
    expect(code).toBe(4);
    expect(err).toContain("flotilla up");
  });
});
