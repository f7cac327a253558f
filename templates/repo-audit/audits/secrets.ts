// Secrets in files. Nothing that leaves this file holds any part of a value, not even its hash: a hash of a weak password
// gives the password away.

import { baseOf } from "../path-index.ts";
import type { Finding, Verdict } from "../finding.ts";
import { isExamplePath, isFixturePath, isTestPath } from "../classify.ts";
import type { Repository } from "../repository.ts";
import { findCandidates } from "../secrets/rules.ts";
import { judge } from "../secrets/judge.ts";
import { lineCounter } from "../source/parse.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { counted } from "./scopes.ts";

const dimension = "secrets";
const bytesMax = 1024 * 1024;

const environmentFile = /^\.env(\.(local|prod|production|staging|live))?$/;
const secretName = /(secret|token|passw|api_?key|access_?key|private_?key|credential|dsn|database_url)/i;

interface Setting {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

function settingsOf(text: string): Setting[] {
  return text.split("\n").flatMap((row, index) => {
    const equals = row.indexOf("=");
    const key = row
      .slice(0, equals)
      .replace(/^\s*export\s+/, "")
      .trim();
    if (equals <= 0 || key.startsWith("#")) return [];
    const value = row
      .slice(equals + 1)
      .replace(/\s+#.*$/, "")
      .trim()
      .replace(/^(["'])(.*)\1$/, "$2");
    return [{ key, value, line: index + 1 }];
  });
}

function holdsSecrets(text: string): Setting[] {
  return settingsOf(text).filter(
    (setting) => secretName.test(setting.key) && setting.value.length >= 8 && !/[${<]/.test(setting.value),
  );
}

function draftsOf(path: string, text: string, now: Date): Draft[] {
  const lineAt = lineCounter(text);
  // Tests are full of made-up secrets. Nobody re-checks a note of low severity, so only what is surely real becomes one.
  const quiet = bySetting("medium", path) === "low";
  const candidates = findCandidates(text).filter(
    ({ rule, value }) => !quiet || (!rule.madeUpInTests && judge(rule.name, value, now).real === "yes"),
  );
  const drafts: Draft[] = candidates.map(({ rule, key, value, start }) => ({
    dimension,
    rule: rule.name,
    severity: bySetting(rule.severity, path),
    path,
    line: lineAt(start),
    what: `${rule.name} ${key}`,
    message: `The file holds what looks like ${rule.title}${rule.name === "assigned-secret" ? ` (${key})` : ""}.`,
    fix: "Revoke it at its issuer first, then take it out of the file and, where the history matters, out of the history.",
    evidence: `${key === "" ? "" : `${key} `}${rule.shown}… (${value.length} characters, redacted)`,
    // Where it is, so that the verifier reads it again instead of being told.
    facts: { start, length: value.length },
  }));
  const settings = environmentFile.test(baseOf(path)) ? holdsSecrets(text) : [];
  const [first] = settings;
  if (first !== undefined) {
    drafts.push({
      dimension,
      rule: "environment-file",
      severity: bySetting("medium", path),
      path,
      line: first.line,
      what: "environment file",
      message: `An environment file with ${counted(settings.length, "secret-like setting")} is in the repository.`,
      fix: "Take it out of git, ignore it, keep a .env.example without values, and change what it held.",
      evidence: settings.map((setting) => `${setting.key}=[redacted]`).join(" "),
    });
  }
  return drafts;
}

/** Expiry is judged by the month of HEAD, which the shard's hash covers. */
function monthOf(repo: Repository): Date {
  return new Date(repo.git?.headAt?.slice(0, 7) ?? 0);
}

async function verifyEnvironmentFile(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "git index, then the shape of each value";
  if (repo.git !== null) {
    const tracked = (await repo.runGit(["ls-files", "-z", "--", finding.path])) !== "";
    if (!tracked) return rejected(method, "Git does not track the file.");
  }
  const judgements = holdsSecrets(await repo.text(finding.path, bytesMax)).map((setting) =>
    judge("assigned-secret", setting.value, monthOf(repo)),
  );
  if (judgements.some((judgement) => judgement.real === "yes")) return confirmed(method);
  if (judgements.some((judgement) => judgement.real === "maybe")) return likely(method, "Its values might be placeholders.");
  return rejected(method, "All its values are placeholders.");
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  if (finding.rule === "environment-file") return verifyEnvironmentFile(finding, repo);
  const text = await repo.text(finding.path, bytesMax);
  const start = Number(fact(finding, "start"));
  const value = text.slice(start, start + Number(fact(finding, "length")));
  if (!findCandidates(text).some((candidate) => candidate.start === start && candidate.value === value)) {
    return rejected("second reading of the file", "The file changed, and the value is gone.");
  }
  const around = text.slice(text.lastIndexOf("\n", start) + 1, start);
  if (/(example|e\.g\.|placeholder|fake|dummy|mock)/i.test(around))
    return rejected("words around the value", "The line says that it is an example.");
  const judgement = judge(finding.rule, value, monthOf(repo));
  if (judgement.real === "no") return rejected(judgement.how, judgement.why);
  if (judgement.real === "maybe") return likely(judgement.how, judgement.why);
  const shows = /\.(mdx?|rst|adoc|txt)$/.test(finding.path) && judgement.how !== "checksum inside the token";
  return shows ? likely(judgement.how, "It stands in documentation, where examples are usual.") : confirmed(judgement.how);
}

export const secrets: Audit = {
  dimension,
  description: "Tokens, keys and passwords in files; values are never shown",
  version: 1,
  scope(inventory) {
    const files = inventory.files.filter(
      (file) => file.kind !== "lockfile" && file.kind !== "binary" && !file.vendored && file.bytes > 0 && file.bytes <= bytesMax,
    );
    if (files.length === 0) return { out: "no text files" };
    const quiet = files.filter((file) => isTestPath(file.path) || isFixturePath(file.path) || isExamplePath(file.path)).length;
    // Expiry of tokens is judged at HEAD's date, and being tracked is part of the verdict.
    const month = inventory.git.headAt?.slice(0, 7) ?? "";
    return {
      files,
      basis: [month],
      shardBytes: 1024 * 1024,
      shardFiles: 200,
      why: `${counted(files.length, "text file")}${quiet === 0 ? "" : `, ${quiet} of them tests, fixtures or examples and so of low severity`}`,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const file of shard.files) drafts.push(...draftsOf(file.path, await repo.text(file.path, bytesMax), monthOf(repo)));
    return settle(drafts);
  },
  verify,
};
