// Licences of dependencies and of the repository itself. Reads what lockfiles record, so nothing needs to be installed.

import { lockfileNames } from "../classify.ts";
import type { Finding, Inventory, Severity, Verdict } from "../finding.ts";
import { asRecord, asString, parseJson } from "../json.ts";
import { type Burden, familyOf, familyOfText, isLicenceFile, licenceOf, licencesIn, readLicence } from "../licences/policy.ts";
import { type Locked, readLocked, tellingLockfiles } from "../licences/lockfile.ts";
import { readPackages } from "../packages.ts";
import { baseOf, joinPath, parentOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { auditOwnLicence, verifyOwnLicence } from "./own-licence.ts";
import { counted, hashes } from "./scopes.ts";

const dimension = "licences";
const lockfileBytesMax = 32 * 1024 * 1024;

interface Burdened {
  readonly rule: string;
  readonly severity: Severity;
  readonly meaning: string;
  readonly fix: string;
}

const burdens: Readonly<Record<Exclude<Burden, "none">, Burdened>> = {
  weak: {
    rule: "weak-copyleft",
    severity: "low",
    meaning: "changes to it must be published",
    fix: "Keep it unmodified, and name it in your notices.",
  },
  strong: {
    rule: "strong-copyleft",
    severity: "high",
    meaning: "what ships with it must come under the same terms",
    fix: "Replace it, or have the terms cleared.",
  },
  forbidding: {
    rule: "restricted-use",
    severity: "high",
    meaning: "it forbids some uses",
    fix: "Replace it, or have the terms cleared.",
  },
};

/** Who we are: our own packages and terms are nobody's burden. */
interface Ourselves {
  readonly families: ReadonlySet<string>;
  readonly scopes: ReadonlySet<string>;
}

async function ourselves(repo: Repository): Promise<Ourselves> {
  const packages = await readPackages(repo);
  const [outermost] = packages;
  return {
    families: new Set(outermost === undefined ? [] : licencesIn(licenceOf(outermost.json) ?? "").map(familyOf)),
    scopes: new Set(packages.flatMap((pack) => scopeOf(pack.name) ?? [])),
  };
}

function scopeOf(name: string): string | null {
  return name.startsWith("@") ? (name.split("/")[0] ?? null) : null;
}

/** What is wrong with the licence of one package, if anything. */
function judge(
  locked: Locked,
  own: Ourselves,
): { readonly rule: string; readonly severity: Severity; readonly says: string; readonly fix: string } | null {
  if (locked.licence === null) {
    return {
      rule: "no-licence-named",
      severity: "medium",
      says: "and names no licence",
      fix: "Read its repository for the terms, and replace it if there are none.",
    };
  }
  const reading = readLicence(locked.licence);
  if (reading.kind === "unclear") {
    return {
      rule: "unclear-licence",
      severity: "low",
      says: `whose licence field is no SPDX expression: ${locked.licence}`,
      fix: "Read its licence text once and record the result.",
    };
  }
  if (reading.kind === "proprietary") {
    const isOurs = own.scopes.has(scopeOf(locked.name) ?? "");
    return isOurs
      ? null
      : {
          rule: "proprietary",
          severity: "medium",
          says: `and grants no licence (${locked.licence})`,
          fix: "Make sure that you have the right to use it.",
        };
  }
  if (reading.burden === "none") return null;
  if (reading.burden === "strong" && licencesIn(locked.licence).some((id) => own.families.has(familyOf(id)))) return null;
  const { rule, severity, meaning, fix } = burdens[reading.burden];
  return { rule, severity, says: `under ${locked.licence}: ${meaning}`, fix };
}

function draftOf(lockfile: string, locked: Locked, own: Ourselves): Draft[] {
  const found = judge(locked, own);
  if (found === null) return [];
  const use = locked.development ? "a development dependency" : "a dependency";
  return [
    {
      dimension,
      rule: found.rule,
      severity: locked.development ? "low" : bySetting(found.severity, lockfile),
      path: lockfile,
      what: `${locked.name} ${locked.licence ?? ""}`,
      message: `${locked.name} is ${use} ${found.says}.`,
      fix: found.fix,
      evidence: `${locked.name}@${locked.version}: ${locked.licence ?? "no licence"}`,
      facts: {
        package: locked.name,
        licence: locked.licence ?? "",
        installedAt: joinPath(parentOf(lockfile), locked.installedAt),
      },
    },
  ];
}

/** The same package under the same terms is one matter; in production at any place counts. */
function distinct(locked: readonly Locked[]): Locked[] {
  const once = new Map<string, Locked>();
  for (const each of locked) {
    const key = `${each.name} ${each.licence ?? ""}`;
    const known = once.get(key);
    if (known === undefined || (known.development && !each.development)) once.set(key, each);
  }
  return [...once.values()];
}

async function installedManifest(repo: Repository, folder: string): Promise<unknown> {
  return parseJson((await repo.textOrNull(`${folder}/package.json`)) ?? "");
}

async function auditLockfile(path: string, repo: Repository): Promise<Draft[]> {
  const own = await ourselves(repo);
  const drafts: Draft[] = [];
  const untold: string[] = [];
  for (const locked of distinct(readLocked(baseOf(path), await repo.text(path, lockfileBytesMax)))) {
    // A lockfile that older tools wrote leaves licences out: a gap there says nothing, the installed manifest does.
    const manifest =
      locked.licence === null ? await installedManifest(repo, joinPath(parentOf(path), locked.installedAt)) : undefined;
    if (locked.licence === null && manifest === undefined) untold.push(locked.name);
    else drafts.push(...draftOf(path, { ...locked, licence: locked.licence ?? licenceOf(asRecord(manifest)) }, own));
  }
  if (untold.length > 0) {
    drafts.push({
      dimension,
      rule: "untold-licences",
      severity: "info",
      path,
      what: "untold licences",
      message: `The lockfile tells no licence for ${counted(untold.length, "package")}, and what is not installed cannot be asked.`,
      fix: "Audit again after an install.",
      evidence: untold.slice(0, 10).join(", "),
    });
  }
  return drafts;
}

/** pnpm, yarn and bun lockfiles name no licences: the manifests of what is installed do. */
async function auditInstalled(lockfile: string, repo: Repository): Promise<Draft[]> {
  const folder = parentOf(lockfile);
  const pack = (await readPackages(repo)).find((each) => each.folder === folder);
  const own = await ourselves(repo);
  const drafts: Draft[] = [];
  for (const name of pack?.declared.dependencies.keys() ?? []) {
    const installedAt = `node_modules/${name}`;
    const manifest = await installedManifest(repo, joinPath(folder, installedAt));
    if (manifest === undefined) continue;
    const version = asString(asRecord(manifest)["version"]) ?? "";
    drafts.push(
      ...draftOf(lockfile, { name, version, licence: licenceOf(asRecord(manifest)), development: false, installedAt }, own),
    );
  }
  return drafts;
}

async function verifyDependency(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "manifest and licence text of the installed package";
  const at = fact(finding, "installedAt");
  const manifest = await installedManifest(repo, at);
  if (manifest === undefined) return likely(method, "It is not installed, so that only the lockfile tells.");
  const named = licenceOf(asRecord(manifest));
  const text = (await repo.folder(at)).find(isLicenceFile);
  const family = text === undefined ? null : familyOfText((await repo.textOrNull(`${at}/${text}`)) ?? "");
  if (finding.rule === "no-licence-named")
    return family === null ? confirmed(method) : rejected(method, `Its ${text ?? "text"} reads like ${family}.`);
  const reading = readLicence(named ?? "");
  if (reading.kind === "expression" && reading.burden === "none") return rejected(method, `Its manifest says ${named ?? ""}.`);
  const families = licencesIn(fact(finding, "licence")).map(familyOf);
  const agrees = family === null || families.length === 0 || families.includes(family);
  return agrees ? confirmed(method) : likely(method, `Its licence text reads like ${family}.`);
}

function relevant(inventory: Inventory): Inventory["files"] {
  return inventory.files.filter(
    (file) =>
      !file.vendored &&
      (baseOf(file.path) === "package.json" ||
        ["package-lock.json", "npm-shrinkwrap.json", "composer.lock", "pnpm-lock.yaml", "yarn.lock", "bun.lock"].includes(
          baseOf(file.path),
        )),
  );
}

export const licences: Audit = {
  dimension,
  description: "Licences of dependencies by lockfile, and of the repository by manifest and text",
  version: 1,
  scope(inventory) {
    const files = relevant(inventory);
    if (files.length === 0) {
      const others = inventory.files.filter((file) => lockfileNames.has(baseOf(file.path)));
      return {
        out:
          others.length === 0
            ? "no lockfile and no package.json"
            : `${others
                .map((file) => file.path)
                .slice(0, 3)
                .join(", ")} names no licences`,
      };
    }
    const telling = files.filter((file) => tellingLockfiles.has(baseOf(file.path)));
    const silent = files.filter((file) => file.kind === "lockfile" && !tellingLockfiles.has(baseOf(file.path)));
    const readings = [
      telling.length === 0 ? "" : `${counted(telling.length, "lockfile")} with licences`,
      silent.length === 0
        ? ""
        : `${counted(silent.length, "lockfile")} without, judged by what is installed${inventory.installed === undefined ? " (nothing is)" : ""}`,
      counted(files.length - telling.length - silent.length, "package.json file"),
    ];
    const texts = inventory.files.filter(
      (file) => isLicenceFile(baseOf(file.path)) || (!file.path.includes("/") && file.kind === "docs"),
    );
    const manifests = inventory.files.filter((file) => baseOf(file.path) === "package.json");
    return {
      files,
      why: readings.filter(Boolean).join(", "),
      basis: [...hashes([...texts, ...manifests]), inventory.installed ?? ""],
      shardBytes: 2 * 1024 * 1024,
      shardFiles: 40,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const { path } of shard.files) {
      if (tellingLockfiles.has(baseOf(path))) drafts.push(...(await auditLockfile(path, repo)));
      else if (baseOf(path) === "package.json") drafts.push(...(await auditOwnLicence(path, repo)));
      else drafts.push(...(await auditInstalled(path, repo)));
    }
    return settle(drafts);
  },
  async verify(finding, repo) {
    return finding.facts?.["installedAt"] === undefined ? verifyOwnLicence(finding, repo) : verifyDependency(finding, repo);
  },
};
