import { describe, expect, it } from "vitest";
import { runView, secret } from "../../test/cli/fake-api.ts";
import { fakeFleet } from "../../test/cli/harness.ts";

async function fleet() {
  const opened = await fakeFleet();
  for (let n = 1; n <= 7; n++) opened.fake.putRun(runView({ id: `r_${secret}${n}`, tenant: n === 7 ? "other" : "acme" }));
  opened.fake.putRun(runView({ id: `r_${secret}8`, tenant: "acme", status: "succeeded" }));
  return opened;
}

describe("runs cancel --where", () => {
  it("counts, asks, cancels what fits and says how many", async () => {
    const { fake, cli } = await fleet();
    const no = await cli("runs cancel --where tenant=acme", { answer: "n" });
    expect([no.code, no.err]).toEqual([0, expect.stringContaining("Cancel 6 runs? [y/N]")]);
    expect(no.err).toContain("nothing was changed");
    expect(fake.canceled).toEqual([]);
    const yes = await cli("runs cancel --where tenant=acme --reason old", { answer: "y" });
    expect([yes.code, yes.err]).toEqual([0, expect.stringContaining("✔ canceling 6 of 6 runs\n")]);
    expect(fake.canceled.map((c) => [c.id.slice(-1), c.reason])).toEqual([6, 5, 4, 3, 2, 1].map((n) => [String(n), "old"]));
  });

  it("--dry-run names the latest five and the number of the rest", async () => {
    const { fake, cli } = await fleet();
    const { code, out } = await cli("runs cancel --where tenant=acme --dry-run");
    expect([code, out.split("\n")]).toEqual([
      0,
      [
        "6 runs would be changed",
        ...Array.from({ length: 5 }, () => expect.stringMatching(/^ {2}r_/) as string),
        "  and 1 more",
        "",
      ],
    ]);
    const json = await cli("runs cancel --where tenant=acme --dry-run -o json");
    expect(JSON.parse(json.out)).toMatchObject({ action: "cancel", finished: true, count: 6, done: 0 });
    expect(fake.canceled).toEqual([]);
  });

  it("says when nothing fits", async () => {
    const { cli } = await fleet();
    expect(await cli("runs cancel --where tenant=nobody")).toEqual({ code: 0, out: "", err: "no run goes on that fits\n" });
  });

  it.each([
    ["runs cancel", "it takes either an id or --where"],
    ["runs cancel r_1 --where name=a", "it takes either an id or --where"],
    ["runs cancel r_1 -y", "--yes go with --where"],
    ["runs cancel --where color=red", "It must be one of name=..."],
    ["runs cancel --where tenant", "It must be one of name=..."],
    ["db purge --run r_1 --where name=a", "one of --run, --tenant and --where"],
    ["db purge --tenant a --dry-run", "--dry-run goes with --where"],
  ])("%s is refused", async (line, why) => {
    const { fake, cli } = await fleet();
    const { code, err } = await cli(line);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    expect(fake.canceled).toEqual([]);
  });
});

it("db purge --where deletes what fits", async () => {
  const { fake, cli } = await fleet();
  expect((await cli("db purge --where tenant=acme -y")).err).toContain("deleted 1 of 1 run\n");
  expect(fake.purged).toEqual([{ run: `r_${secret}8` }]);
});

it("runs repair --where starts a repair of each that fits", async () => {
  const { fake, cli } = await fleet();
  fake.putRun(runView({ id: `r_${secret}9`, status: "failed" }));
  const { code, out } = await cli("runs repair --where name=review-all -y");
  expect([code, out]).toEqual([0, expect.stringMatching(/^r_7k2m9q4x {2}r_/)]);
  expect((await cli("runs repair --where name=review-all -y")).err).toContain("not repaired yet");
});
