import { describe, expect, it } from "vitest";
import { webhookCallView } from "../../test/cli/fake-webhooks.ts";
import { fakeFleet } from "../../test/cli/harness.ts";

describe("webhooks", () => {
  it("ls prints what is not told yet, with why", async () => {
    const { fake, cli } = await fakeFleet();
    expect((await cli("webhooks ls")).err).toContain("every webhook is told");
    expect((await cli("webhooks ls --given-up")).err).toContain("nothing was given up");
    fake.webhookCalls.push(
      webhookCallView("3"),
      webhookCallView("7", { state: "given up", nextAt: null, problem: "HTTP 500", tries: 41, event: "approval.asked" }),
    );
    const { code, out } = await cli("webhooks ls");
    expect(code).toBe(0);
    expect(out).toMatch(/CALL\s+WEBHOOK\s+EVENT\s+RUN\s+STATE\s+TRIES/);
    expect(out).toMatch(/7\s+example\.com\s+approval\.asked\s+\S+\s+given up\s+41\s+HTTP 500/);
    const { items } = JSON.parse((await cli("webhooks ls --given-up -o json")).out) as { items: { id: string }[] };
    expect(items.map((c) => c.id)).toEqual(["7"]);
    expect((await cli("webhooks ls --limit 1")).err).toBe("showing 1 call; more: flotilla webhooks ls --after 3\n");
  });

  it("retry tells what was given up again, and nothing else", async () => {
    const { fake, cli } = await fakeFleet();
    fake.webhookCalls.push(webhookCallView("3"), webhookCallView("7", { state: "given up", nextAt: null }));
    expect(await cli("webhooks retry 7")).toMatchObject({
      code: 0,
      err: "✔ example.com is told again; how it went: flotilla webhooks ls\n",
    });
    expect(fake.webhookCalls.map((c) => c.state)).toEqual(["waiting", "waiting"]);
    expect((await cli("webhooks retry 3")).err).toContain("not given up");
    expect((await cli("webhooks retry 99")).code).not.toBe(0);
  });
});
