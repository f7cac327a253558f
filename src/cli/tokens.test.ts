import { describe, expect, it } from "vitest";
import { fakeFleet, cli as bare } from "../../test/cli/harness.ts";

describe("tokens", () => {
  it("create prints the token alone, and says the rest beside it", async () => {
    const { fake, cli } = await fakeFleet();
    const { code, out, err } = await cli("tokens create ci --role submitter --namespace team-a --expires-in 30d");
    expect(code).toBe(0);
    expect(out).toMatch(/^flt_[0-9a-z]{52}\n$/);
    expect(err).toContain("tok_1 is a submitter of team-a until 2026-12-22T10:00:0");
    expect((await fake.api.tokens.list({})).items).toMatchObject([{ name: "ci", role: "submitter", namespace: "team-a" }]);
    const made = JSON.parse((await cli("tokens create board --role viewer -o json")).out) as Record<string, unknown>;
    expect(made).toMatchObject({ id: "tok_2", role: "viewer", namespace: "default", expiresAt: null });
    expect(made["token"]).toMatch(/^flt_/);
  });

  it.each([
    ["tokens create ci", "--role"],
    ["tokens create ci --role root", "viewer, submitter, worker, operator, admin"],
    ["tokens create --role viewer", "name"],
    ["tokens create ci --role viewer --expires-in never", "a span such as"],
  ])("%s is refused", async (line, why) => {
    const { fake, cli } = await fakeFleet();
    const { code, err } = await cli(line);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    expect((await fake.api.tokens.list({})).items).toEqual([]);
  });

  it("ls shows what each may, and never the token", async () => {
    const { cli } = await fakeFleet();
    expect((await cli("tokens ls")).err).toContain("no token yet: flotilla tokens create");
    await cli("tokens create ci --role submitter");
    await cli("tokens create board --role viewer --namespace *");
    await cli("tokens revoke tok_1");
    const { out } = await cli("tokens ls");
    expect(out).toBe(`TOKEN  STATE    ROLE       NAMESPACE  NAME    USED
tok_1  revoked  submitter  default    ci     never
tok_2  active   viewer     *          board  never
`);
    expect((await cli("tokens ls -o json")).out).not.toContain("flt_");
    expect((await cli("tokens ls --limit 1")).err).toContain("more: flotilla tokens ls --after tok_1");
  });

  it("revoke says what it did, and what there is not", async () => {
    const { fake, cli } = await fakeFleet();
    await cli("tokens create ci --role submitter");
    expect((await cli("tokens revoke tok_1")).err).toContain("tok_1 is revoked");
    expect((await fake.api.tokens.list({})).items).toMatchObject([{ state: "revoked" }]);
    const { code, err } = await cli("tokens revoke tok_9");
    expect([code, err]).toEqual([2, expect.stringContaining("FLOTILLA_NOT_FOUND")]);
  });

  it("needs a fleet that is up", async () => {
    const { code, err } = await bare(["tokens", "create", "ci", "--role", "viewer"]);
    expect([code, err]).toEqual([4, expect.stringContaining("flotilla orchestrator")]);
  });
});
