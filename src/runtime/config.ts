import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { checkKnown, checkObject, checkTexts, checkWhole, configInvalid, spanMs } from "../client/check.ts";
import type { FleetConfig, FleetDefinition } from "../client/fleet-definition.ts";
import type { Schedule } from "../client/schedule.ts";
import { bounds } from "../core/bounds.ts";
import type { AnyCallable } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { checkDefinitions, refuseUnenforced } from "./definitions.ts";
import type { ServerSettings } from "../server/settings.ts";
import { resolveRetention, type RetentionSettings } from "./retention.ts";
import { resolveServer } from "./server-config.ts";
import { parseStore, type StoreSettings } from "./store-url.ts";
import { resolveHooks, resolveWebhooks, type HookSettings, type WebhookSettings } from "./webhooks.ts";

export interface WorkerSettings {
  readonly count: number;
  readonly slots: number;
  /** Waiting workflows in one worker's memory. */
  readonly continuations: number;
  readonly offers: readonly string[];
  readonly isolation: "in-process" | "child-process";
  /** Names of environment variables. */
  readonly passEnv: readonly string[];
}

/** A fleet's options: defaults filled in, checked, frozen. */
export interface FleetSettings {
  readonly definitions: readonly AnyCallable[];
  readonly store: StoreSettings;
  readonly durability: "power" | "process";
  readonly workers: WorkerSettings;
  /** Tasks that may wait. */
  readonly queuedMax: number;
  readonly abortGraceMs: number;
  readonly blockedMs: number;
  readonly retention: RetentionSettings;
  /** file: URLs that child processes import. */
  readonly modules: readonly string[];
  /** null: the definition says nothing about schedules. */
  readonly schedules: readonly Schedule[] | null;
  /** Who is told. */
  readonly webhooks: readonly WebhookSettings[];
  /** What signed requests start. */
  readonly hooks: readonly HookSettings[];
  readonly server: ServerSettings;
}

/** Where and for what a config is read. */
export interface Surroundings {
  readonly cwd: string;
  /** Name in `environments`. */
  readonly environment: string | undefined;
}

export type AnyFleetConfig = FleetConfig<readonly AnyCallable[]>;

const known = [
  "definitions",
  "store",
  "durability",
  "workers",
  "quotas",
  "abortGrace",
  "blockedAfter",
  "retention",
  "idempotencyFor",
  "modules",
  "schedules",
  "webhooks",
  "hooks",
  "server",
  "pools",
  "limits",
  "budget",
  "environments",
];
const unenforced = ["pools", "limits", "budget"] as const;
const workersMost = 1_000;
const slotsMost = 10_000;
const continuationsMost = 1_000_000;
const variablesMost = 256;
const queuedDefault = 5_000_000;
const queuedMost = 1_000_000_000;

/**
 * Resolves once: defaults, check, freeze.
 * @throws FLOTILLA_CONFIG_INVALID naming the field, FLOTILLA_DUPLICATE_NAME, FLOTILLA_NOT_SUPPORTED for what this
 * version cannot enforce.
 */
export function resolveFleet(
  given: AnyFleetConfig | FleetDefinition<readonly AnyCallable[]>,
  around: Surroundings,
): FleetSettings {
  checkObject(given, "createFleet()");
  const config = inEnvironment("kind" in given ? given.config : given, around.environment);
  checkKnown(config, known, "fleet");
  refuseOptions(config);
  const definitions = checkDefinitions(config.definitions);
  refuseUnenforced(definitions);
  if (config.durability !== undefined && config.durability !== "power" && config.durability !== "process") {
    throw configInvalid(
      "fleet.durability",
      `${JSON.stringify(config.durability)} is not a durability`,
      'use "power" or "process"',
    );
  }
  const workers = resolveWorkers(config.workers);
  const modules = resolveModules(config.modules, around.cwd);
  if (workers.isolation === "child-process" && modules.length === 0) {
    throw configInvalid(
      "fleet.modules",
      "child processes import the definitions themselves, and no file is named",
      'export them from a file of their own and name it: modules: [new URL("./agents.ts", import.meta.url)]',
    );
  }
  return Object.freeze({
    definitions,
    store: parseStore(config.store, around.cwd),
    durability: config.durability ?? "power",
    workers,
    queuedMax: resolveQueued(config.quotas),
    abortGraceMs: spanMs(config.abortGrace, "fleet.abortGrace") ?? 5_000,
    blockedMs: spanMs(config.blockedAfter, "fleet.blockedAfter") ?? 300_000,
    retention: resolveRetention(config.retention, config.idempotencyFor),
    modules,
    schedules: resolveSchedules(config.schedules),
    webhooks: resolveWebhooks(config.webhooks),
    hooks: resolveHooks(config.hooks),
    server: resolveServer(config.server, around.cwd),
  });
}

function resolveQueued(given: AnyFleetConfig["quotas"] = {}): number {
  checkObject(given, "fleet.quotas");
  checkKnown(given, ["queued"], "fleet.quotas");
  const { queued = queuedDefault } = given;
  checkWhole(queued, "fleet.quotas.queued", { least: 1, most: queuedMost });
  return queued;
}

function inEnvironment(config: AnyFleetConfig, name: string | undefined): AnyFleetConfig {
  if (config.environments === undefined || name === undefined || name === "") return config;
  checkObject(config.environments, "fleet.environments");
  const chosen = config.environments[name];
  if (chosen === undefined) {
    throw configInvalid(
      `fleet.environments.${name}`,
      "FLOTILLA_ENV names an environment that is not there",
      `set FLOTILLA_ENV to one of ${Object.keys(config.environments).join(", ")}`,
    );
  }
  checkObject(chosen, `fleet.environments.${name}`);
  return { ...config, ...chosen };
}

function refuseOptions(config: AnyFleetConfig): void {
  const given = unenforced.filter((option) => config[option] !== undefined && Object.keys(config[option]).length > 0);
  if (given.length === 0) return;
  throw new FlotillaError("FLOTILLA_NOT_SUPPORTED", {
    what: `the fleet's ${given.join(", ")} cannot be enforced in this version`,
    instead: `leave ${given.join(", ")} out: an ignored cap would be worse than none`,
  });
}

function resolveWorkers(given: FleetConfig<readonly AnyCallable[]>["workers"] = {}): WorkerSettings {
  checkObject(given, "fleet.workers");
  checkKnown(given, ["count", "slots", "continuations", "offers", "isolation", "passEnv"], "fleet.workers");
  const { count = 1, offers = [], isolation = "in-process", passEnv = [], continuations = 10_000 } = given;
  if (isolation !== "in-process" && isolation !== "child-process") {
    throw configInvalid(
      "fleet.workers.isolation",
      `${JSON.stringify(isolation)} is not an isolation`,
      'use "in-process" or "child-process"',
    );
  }
  // 16 in one process: agents mostly wait for the network. One per child: isolation is what it was asked for.
  const slots = given.slots ?? (isolation === "in-process" ? 16 : 1);
  checkWhole(count, "fleet.workers.count", { least: 0, most: workersMost });
  checkWhole(slots, "fleet.workers.slots", { least: 1, most: slotsMost });
  checkWhole(continuations, "fleet.workers.continuations", { least: 0, most: continuationsMost });
  checkTexts(offers, "fleet.workers.offers", { most: bounds.needsMax, length: bounds.nameLength });
  checkTexts(passEnv, "fleet.workers.passEnv", { most: variablesMost, length: bounds.nameLength });
  return Object.freeze({
    count,
    slots,
    continuations,
    offers: Object.freeze([...offers]),
    isolation,
    passEnv: Object.freeze([...passEnv]),
  });
}

function resolveSchedules(given: AnyFleetConfig["schedules"]): readonly Schedule[] | null {
  if (given === undefined) return null;
  const fix = 'write schedules: [schedule({ name: "nightly", cron: "0 3 * * *", target: audit, input: {} })]';
  if (!Array.isArray(given)) throw configInvalid("fleet.schedules", "it is not a list of schedules", fix);
  const names = new Set<string>();
  const schedules = given as readonly (Schedule | null | undefined)[];
  for (const [i, s] of schedules.entries()) {
    if (s?.kind !== "schedule") throw configInvalid(`fleet.schedules[${i}]`, "it is not a schedule", fix);
    if (names.has(s.name)) throw configInvalid(`fleet.schedules[${i}]`, `${JSON.stringify(s.name)} is there twice`, "rename one");
    names.add(s.name);
  }
  return Object.freeze([...(schedules as readonly Schedule[])]);
}

function resolveModules(given: FleetConfig<readonly AnyCallable[]>["modules"] = [], cwd: string): readonly string[] {
  if (!Array.isArray(given)) throw configInvalid("fleet.modules", "it is not a list of files", 'write modules: ["./agents.ts"]');
  return Object.freeze(given.map((module: unknown, i) => moduleUrl(module, `fleet.modules[${i}]`, cwd)));
}

function moduleUrl(module: unknown, field: string, cwd: string): string {
  if (typeof module !== "string" && !(module instanceof URL))
    throw configInvalid(
      field,
      "it is neither a path nor a URL",
      'write "./agents.ts" or new URL("./agents.ts", import.meta.url)',
    );
  const text = String(module);
  const url = text.startsWith("file:") ? new URL(text) : module instanceof URL ? module : pathToFileURL(resolve(cwd, text));
  if (url.protocol !== "file:") throw configInvalid(field, `${text} is not a file`, "name a file on this machine");
  if (!existsSync(fileURLToPath(url)))
    throw configInvalid(
      field,
      `there is no file ${fileURLToPath(url)}`,
      'paths start from the current folder; new URL("./agents.ts", import.meta.url) starts from your file',
    );
  return url.href;
}
