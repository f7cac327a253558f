import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent } from "../client/agent.ts";
import { contract } from "../client/contract.ts";
import { defineFleet } from "../client/fleet-definition.ts";
import { limit } from "../client/limit.ts";
import { isFlotillaError, type AnyFlotillaError } from "../core/error.ts";
import { cardsOf } from "./cards.ts";
import { resolveFleet, type AnyFleetConfig } from "./config.ts";
import { unimplemented } from "./definitions.ts";

const input = z.object({});
const a = agent({ name: "a", input, run: () => 1 });
const c = contract({ name: "c", input, output: input });
const around = { cwd: "/srv/app", environment: undefined };
const here = new URL(import.meta.url);

function refusal(config: unknown, environment?: string): AnyFlotillaError {
  try {
    resolveFleet(config as AnyFleetConfig, { ...around, environment });
  } catch (e) {
    if (isFlotillaError(e)) return e;
    throw e;
  }
  throw new Error("was not refused");
}

describe("defaults", () => {
  test("memory, one worker of 16 slots in this process", () => {
    expect(resolveFleet({ definitions: [a] }, around)).toEqual({
      definitions: [a],
      store: { kind: "memory" },
      durability: "power",
      workers: { count: 1, slots: 16, continuations: 10_000, offers: [], isolation: "in-process", passEnv: [] },
      queuedMax: 5_000_000,
      abortGraceMs: 5_000,
      blockedMs: 300_000,
      retention: { succeededMs: 2_592_000_000, failedMs: 2_592_000_000, idempotencyForMs: 0 },
      modules: [],
      schedules: null,
      server: {
        listen: { host: "127.0.0.1", port: 4700 },
        tls: null,
        sites: { hosts: ["127.0.0.1"], origins: [] },
        namesHosts: false,
        proxyHops: 0,
        basePath: "",
        requestsPerMinute: 6_000,
        connectionsMax: 20_000,
        oidc: null,
      },
      webhooks: [],
      hooks: [],
    });
  });

  test("a child process has one slot", () => {
    const settings = resolveFleet(
      { definitions: [a], workers: { isolation: "child-process", count: 4 }, modules: [here] },
      around,
    );
    expect(settings.workers).toEqual({
      count: 4,
      slots: 1,
      continuations: 10_000,
      offers: [],
      isolation: "child-process",
      passEnv: [],
    });
    expect(settings.modules).toEqual([here.href]);
  });

  test("a defineFleet is read like its options", () => {
    expect(resolveFleet(defineFleet({ definitions: [a], workers: { slots: 3 } }), around).workers.slots).toBe(3);
  });

  test("modules are paths from the folder, or URLs", () => {
    const settings = resolveFleet(
      { definitions: [a], modules: ["config.test.ts", here.href, here] },
      { ...around, cwd: import.meta.dirname },
    );
    expect(settings.modules).toEqual([pathToFileURL(`${import.meta.dirname}/config.test.ts`).href, here.href, here.href]);
  });
});

describe("retention", () => {
  const resolved = (o: object) => resolveFleet({ definitions: [a], ...o }, around).retention;
  const day = 86_400_000;

  test("one half leaves the other at its default; for ever is both", () => {
    expect(resolved({ retention: { failed: "90d" } })).toEqual({
      succeededMs: 30 * day,
      failedMs: 90 * day,
      idempotencyForMs: 0,
    });
    expect(resolved({ retention: "forever", idempotencyFor: "1d" })).toEqual({
      succeededMs: null,
      failedMs: null,
      idempotencyForMs: day,
    });
  });

  test.each([
    [{ retention: "30d" }, "fleet.retention"],
    [{ retention: { sucseeded: "30d" } }, "fleet.retention.sucseeded"],
    [{ retention: { succeeded: "0ms" } }, "fleet.retention.succeeded"],
    [{ retention: { failed: "a month" } }, "fleet.retention.failed"],
    [{ idempotencyFor: "0s" }, "fleet.idempotencyFor"],
  ])("%j is refused", (option, field) => {
    expect(refusal({ definitions: [a], ...option })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field } });
  });
});

describe("stores", () => {
  test.each([
    ["memory", { kind: "memory" }],
    ["sqlite::memory:", { kind: "memory" }],
    ["sqlite:x.db", { kind: "sqlite", path: "/srv/app/x.db" }],
    ["sqlite:/tmp/x.db", { kind: "sqlite", path: "/tmp/x.db" }],
  ])("%s", (store, expected) => {
    expect(resolveFleet({ definitions: [a], store: store as "memory" }, around).store).toEqual(expected);
  });

  test.each(["sqlite:", "sqlite://x.db", "x.db", "mysql://x", 5])("%s is refused", (store) => {
    expect(refusal({ definitions: [a], store })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field: "store" } });
  });

  test("a URL of PostgreSQL that is none is refused, and its password stays out of the words", () => {
    expect(resolveFleet({ definitions: [a], store: "postgres://db/x" }, around).store).toEqual({
      kind: "postgres",
      url: "postgres://db/x",
    });
    const error = refusal({ definitions: [a], store: "postgres:user:s3cret@db" as "postgres://db" });
    expect(error.code).toBe("FLOTILLA_CONFIG_INVALID");
    expect(JSON.stringify(error)).not.toContain("s3cret");
  });
});

describe("environments", () => {
  const config = {
    definitions: [a],
    store: "sqlite:/prod.db",
    environments: { dev: { store: "memory", workers: { slots: 2 } } },
  } as const;

  test("none is named: the options as they are", () => {
    expect(resolveFleet(config, around).store).toEqual({ kind: "sqlite", path: "/prod.db" });
  });
  test("the named one goes first", () => {
    expect(resolveFleet(config, { ...around, environment: "dev" })).toMatchObject({
      store: { kind: "memory" },
      workers: { slots: 2 },
    });
  });
  test("one that is not there is refused, with those that are", () => {
    const error = refusal(config, "stagign");
    expect(error).toMatchObject({ details: { field: "fleet.environments.stagign" } });
    expect(error.fix[0]).toContain("dev");
  });
});

describe("refused, naming the field", () => {
  const big = agent({ name: "big", input, run: () => 1, limits: [limit("l", {})], budget: { usd: 1 } });
  test.each([
    [undefined, "createFleet()"],
    [{}, "fleet.definitions"],
    [{ definitions: [a, Promise.resolve(a)] }, "fleet.definitions[1]"],
    [{ definitions: [a], slots: 4 }, "fleet.slots"],
    [{ definitions: [a], durability: "fast" }, "fleet.durability"],
    [{ definitions: [a], quotas: { queued: 0 } }, "fleet.quotas.queued"],
    [{ definitions: [a], quotas: { waiting: 5 } }, "fleet.quotas.waiting"],
    [{ definitions: [a], abortGrace: "0s" }, "fleet.abortGrace"],
    [{ definitions: [a], blockedAfter: "soon" }, "fleet.blockedAfter"],
    [{ definitions: [a], workers: { slots: 0 } }, "fleet.workers.slots"],
    [{ definitions: [a], workers: { count: 1.5 } }, "fleet.workers.count"],
    [{ definitions: [a], workers: { offers: "gpu" } }, "fleet.workers.offers"],
    [{ definitions: [a], workers: { isolation: "thread" } }, "fleet.workers.isolation"],
    [{ definitions: [a], workers: { concurrency: 4 } }, "fleet.workers.concurrency"],
    [{ definitions: [a], workers: { isolation: "child-process" } }, "fleet.modules"],
    [{ definitions: [a], modules: ["./none.ts"] }, "fleet.modules[0]"],
    [{ definitions: [a], modules: [new URL("https://x/y.ts")] }, "fleet.modules[0]"],
  ])("%o: %s", (config, field) => {
    expect(refusal(config)).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field } });
  });

  test("options that would be ignored: of the fleet, and of definitions by name", () => {
    expect(refusal({ definitions: [a], budget: { usd: 1 }, pools: { gpu: {} } })).toMatchObject({
      code: "FLOTILLA_NOT_SUPPORTED",
      details: { what: expect.stringContaining("pools, budget") },
    });
    expect(refusal({ definitions: [a, big] })).toMatchObject({
      code: "FLOTILLA_NOT_SUPPORTED",
      details: { what: expect.stringContaining('budget, limits of agent "big"') },
    });
    expect(resolveFleet({ definitions: [a], limits: [], budget: {} }, around).definitions).toEqual([a]);
  });
});

describe("names", () => {
  const own = c.agent({ run: () => ({}) });
  const other = c.agent({ name: "c.other", run: () => ({}) });

  test("two definitions of one name are refused", () => {
    expect(refusal({ definitions: [a, agent({ name: "a", input, run: () => 2 })] })).toMatchObject({
      code: "FLOTILLA_DUPLICATE_NAME",
      details: { name: "a" },
    });
    expect(refusal({ definitions: [a, a] }).code).toBe("FLOTILLA_DUPLICATE_NAME");
  });

  test("a contract gives way to the implementation of its name", () => {
    expect(resolveFleet({ definitions: [c, own] }, around).definitions).toEqual([own]);
    expect(resolveFleet({ definitions: [own, c] }, around).definitions).toEqual([own]);
    expect(resolveFleet({ definitions: [own, other] }, around).definitions).toEqual([own, other]);
  });

  test("a stranger may not have the name of a contract that others implement", () => {
    const stranger = agent({ name: "c", input, run: () => 1 });
    expect(refusal({ definitions: [stranger, other] })).toMatchObject({
      code: "FLOTILLA_DUPLICATE_NAME",
      details: { name: "c" },
    });
    expect(refusal({ definitions: [stranger, c] }).code).toBe("FLOTILLA_DUPLICATE_NAME");
  });

  test("contracts travel with their implementations", () => {
    expect(cardsOf([a, other]).map((card) => [card.kind, card.name])).toEqual([
      ["agent", "a"],
      ["agent", "c.other"],
      ["contract", "c"],
    ]);
    expect(cardsOf([own]).map((card) => [card.kind, card.name])).toEqual([["agent", "c"]]);
  });

  test("contracts without implementation are told apart", () => {
    expect(unimplemented([a, c])).toEqual(["c"]);
    expect(unimplemented([c, other])).toEqual([]);
  });
});
