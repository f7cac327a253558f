// Licences of dependencies and of the repository itself. Reads what lockfiles record, so nothing needs to be installed.

import { lockfileNames } from "../classify.ts";
import type { Finding, Inventory, Verdict } from "../finding.ts";
import { asRecord, asString, parseJson } from "../json.ts";
import { type Burden, familyOf, familyOfText, licencesIn, readLicence } from "../licences/policy.ts";
import { type Locked, readLocked, tellingLockfiles } from "../licences/lockfile.ts";
import { isPublished, readPackages } from "../packages.ts";
import { baseOf, joinPath, parentOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted, hashes } from "./scopes.ts";

const dimension = "licences";
const lockfileBytesMax = 32 * 1024 * 1024;
const licenceFile = /^(licen[cs]e|copying|unlicense|mit-license|apache-license)([-_.].*)?$/i;

const burdens: Readonly<
  Record<Exclude<Burden, "none">, { readonly rule: string; readonly severity: "high" | "low"; readonly meaning: string }>
> = {
  weak: { rule: "weak-copyleft", severity: "low", meaning: "changes to it must be published" },
  strong: { rule: "strong-copyleft", severity: "high", meaning: "what ships with it must come under the same terms" },
  forbidding: { rule: "restricted-use", severity: "high", meaning: "it forbids some uses" },
};

function licenceOf(json: Readonly<Record<string, unknown>>): string | null {
  return asString(json["license"]) ?? asString(asRecord(json["license"])["type"]);
}

async function ownFamilies(repo: Repository): Promise<ReadonlySet<string>> {
  const [outermost] = await readPackages(repo);
  return new Set(outermost === undefined ? [] : licencesIn(licenceOf(outermost.json) ?? "").map(familyOf));
}

function draftOf(
  lockfile: string,
  locked: Locked,
  own: ReadonlySet<string>,
  ownScopes: ReadonlySet<string>,
  mostlyTold: boolean,
): Draft[] {
  const base = {
    dimension,
    path: lockfile,
    what: locked.name,
    facts: {
      package: locked.name,
      version: locked.version,
      licence: locked.licence ?? "",
      installedAt: joinPath(parentOf(lockfile), locked.installedAt),
    },
  } as const;
  const use = locked.development ? "a development dependency" : "a dependency";
  const evidence = `${locked.name}@${locked.version}: ${locked.licence ?? "no licence"}`;
  const scope = locked.name.startsWith("@") ? (locked.name.split("/")[0] ?? "") : "";
  if (locked.licence === null) {
    // Old lockfiles name no licences at all; a single gap among told ones means that the package names none.
    if (!mostlyTold || locked.name === "" || ownScopes.has(scope)) return [];
    return [
      {
        ...base,
        rule: "no-licence-named",
        severity: locked.development ? "low" : bySetting("medium", lockfile),
        evidence,
        message: `${locked.name} is ${use} and names no licence.`,
        fix: "Read its repository for the terms, and replace it if there are none.",
      },
    ];
  }
  const reading = readLicence(locked.licence);
  if (reading.kind === "proprietary") {
    if (ownScopes.has(scope)) return [];
    return [
      {
        ...base,
        rule: "proprietary",
        severity: locked.development ? "low" : bySetting("medium", lockfile),
        evidence,
        message: `${locked.name} is ${use} and grants no licence (${locked.licence}).`,
        fix: "Make sure that you have the right to use it.",
      },
    ];
  }
  if (reading.kind === "unclear") {
    return [
      {
        ...base,
        rule: "unclear-licence",
        severity: "low",
        evidence,
        message: `${locked.name} is ${use} whose licence field is no SPDX expression: ${locked.licence}.`,
        fix: "Read its licence text once and record the result.",
      },
    ];
  }
  if (reading.burden === "none") return [];
  const { rule, severity, meaning } = burdens[reading.burden];
  if (reading.burden === "strong" && licencesIn(locked.licence).some((id) => own.has(familyOf(id)))) return [];
  return [
    {
      ...base,
      rule,
      severity: locked.development ? "low" : bySetting(severity, lockfile),
      evidence,
      message: `${locked.name} is ${use} under ${locked.licence}: ${meaning}.`,
      fix: severity === "high" ? "Replace it, or have the terms cleared." : "Keep it unmodified, and name it in your notices.",
    },
  ];
}

async function auditLockfile(path: string, repo: Repository): Promise<Draft[]> {
  const locked = readLocked(baseOf(path), await repo.text(path, lockfileBytesMax));
  const told = locked.filter((each) => each.licence !== null).length;
  const packages = await readPackages(repo);
  const scopes = new Set(packages.flatMap((pack) => (pack.name.startsWith("@") ? [pack.name.split("/")[0] ?? ""] : [])));
  const own = await ownFamilies(repo);
  const once = new Map<string, Locked>();
  // The same package at several places or versions is one matter; in production at any of them counts.
  for (const each of locked) {
    const known = once.get(each.name);
    if (known === undefined || (known.development && !each.development)) once.set(each.name, each);
  }
  return [...once.values()].flatMap((each) => draftOf(path, each, own, scopes, told > locked.length * 0.8));
}

/** pnpm, yarn and bun lockfiles name no licences: the manifests of what is installed do. */
async function auditInstalled(lockfile: string, repo: Repository): Promise<Draft[]> {
  const folder = parentOf(lockfile);
  const pack = (await readPackages(repo)).find((each) => each.folder === folder);
  const own = await ownFamilies(repo);
  const drafts: Draft[] = [];
  for (const name of pack?.declared.dependencies.keys() ?? []) {
    const installedAt = `node_modules/${name}`;
    const json = asRecord(parseJson((await repo.textOrNull(joinPath(folder, `${installedAt}/package.json`))) ?? ""));
    const licence = licenceOf(json);
    if (licence === null) continue;
    drafts.push(
      ...draftOf(
        lockfile,
        { name, version: asString(json["version"]) ?? "", licence, development: false, installedAt },
        own,
        new Set(),
        false,
      ),
    );
  }
  return drafts;
}

async function auditOwn(path: string, repo: Repository): Promise<Draft[]> {
  const pack = (await readPackages(repo)).find((each) => each.manifest === path);
  if (pack === undefined || pack.folder !== "") return [];
  const texts = (await repo.paths()).children("").filter((name) => licenceFile.test(name));
  const named = licenceOf(pack.json);
  if (texts.length === 0) {
    if (!isPublished(pack)) return [];
    return [
      {
        dimension,
        rule: "no-licence-text",
        severity: "medium",
        path,
        what: "licence text",
        message: "The package is made to be published, and the repository has no licence text.",
        fix: "Add a LICENSE file.",
        evidence: `"license": ${JSON.stringify(named)}`,
      },
    ];
  }
  const [text] = texts;
  if (texts.length !== 1 || text === undefined || named === null) return [];
  const family = familyOfText((await repo.textOrNull(text)) ?? "");
  const families = licencesIn(named).map(familyOf);
  if (family === null || families.length === 0 || families.includes(family)) return [];
  return [
    {
      dimension,
      rule: "licence-mismatch",
      severity: "medium",
      path,
      what: `${named} ${family}`,
      message: `The manifest says ${named}, but ${text} reads like ${family}.`,
      fix: "Make both say the same.",
      evidence: `"license": ${JSON.stringify(named)}; ${text}: ${family}`,
      facts: { named, family, text },
    },
  ];
}

async function verifyDependency(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "manifest and licence text of the installed package";
  const at = fact(finding, "installedAt");
  const manifest = parseJson((await repo.textOrNull(`${at}/package.json`)) ?? "");
  if (manifest === undefined) return likely(method, "It is not installed, so that only the lockfile tells.");
  const named = licenceOf(asRecord(manifest));
  const text = (await repo.folder(at)).find((name) => licenceFile.test(name));
  const family = text === undefined ? null : familyOfText((await repo.textOrNull(`${at}/${text}`)) ?? "");
  const told = fact(finding, "licence");
  if (finding.rule === "no-licence-named") {
    if (family !== null) return rejected(method, `Its ${text} reads like ${family}.`);
    return named === null ? confirmed(method) : rejected(method, `Its manifest says ${named}.`);
  }
  const reading = readLicence(named ?? "");
  if (reading.kind === "expression" && reading.burden === "none") return rejected(method, `Its manifest says ${named}.`);
  const families = licencesIn(told).map(familyOf);
  if (family !== null && families.length > 0 && !families.includes(family))
    return likely(method, `Its licence text reads like ${family}.`);
  return confirmed(method);
}

async function verifyOwn(finding: Finding, repo: Repository): Promise<Verdict> {
  const readme = (await repo.paths()).children("").find((name) => /^readme(\.|$)/i.test(name));
  const prose = readme === undefined ? "" : ((await repo.textOrNull(readme)) ?? "");
  if (finding.rule === "licence-mismatch") {
    const method = "the README's word";
    // The manifest's licence is a matter of what people are told: two against one settles it.
    return prose.includes(fact(finding, "named"))
      ? likely(method, `The README says ${fact(finding, "named")}, too.`)
      : confirmed(method);
  }
  const method = "search for licence wording in all root files and in LICENSES/";
  const { files } = await repo.paths();
  for (const path of files
    .filter((file) => (!file.includes("/") || file.startsWith("LICENSES/")) && /(\.(txt|md|rst)|^[A-Z]+)$/.test(file))
    .slice(0, 30)) {
    const family = familyOfText((await repo.textOrNull(path)) ?? "");
    if (family !== null) return rejected(method, `${path} has the text of ${family}.`);
  }
  return confirmed(method);
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
      (file) => licenceFile.test(baseOf(file.path)) || (!file.path.includes("/") && file.kind === "docs"),
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
      else if (baseOf(path) === "package.json") drafts.push(...(await auditOwn(path, repo)));
      else drafts.push(...(await auditInstalled(path, repo)));
    }
    return settle(drafts);
  },
  async verify(finding, repo) {
    return finding.facts?.["installedAt"] === undefined ? verifyOwn(finding, repo) : verifyDependency(finding, repo);
  },
};
