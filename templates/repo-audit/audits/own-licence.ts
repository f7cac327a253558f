// The licence of the repository itself: is there a text, and does the manifest agree with it?

import type { Finding, Verdict } from "../finding.ts";
import { familyOf, familyOfText, isLicenceFile, licenceOf, licencesIn } from "../licences/policy.ts";
import { isPublished, readPackages } from "../packages.ts";
import type { Repository } from "../repository.ts";
import { confirmed, type Draft, fact, likely, rejected } from "./audit.ts";

const dimension = "licences";

export async function auditOwnLicence(manifest: string, repo: Repository): Promise<Draft[]> {
  const pack = (await readPackages(repo)).find((each) => each.manifest === manifest);
  if (pack === undefined || pack.folder !== "") return [];
  const texts = (await repo.paths()).children("").filter(isLicenceFile);
  const named = licenceOf(pack.json);
  if (texts.length === 0) {
    if (!isPublished(pack)) return [];
    const message = "The package is made to be published, and the repository has no licence text.";
    const evidence = `"license": ${JSON.stringify(named)}`;
    return [
      {
        dimension,
        rule: "no-licence-text",
        severity: "medium",
        path: manifest,
        what: "licence text",
        message,
        fix: "Add a LICENSE file.",
        evidence,
      },
    ];
  }
  const [text] = texts;
  // With several texts the terms are a choice or a mixture that only people can judge.
  if (texts.length !== 1 || text === undefined || named === null) return [];
  const family = familyOfText((await repo.textOrNull(text)) ?? "");
  const families = licencesIn(named).map(familyOf);
  if (family === null || families.length === 0 || families.includes(family)) return [];
  return [
    {
      dimension,
      rule: "licence-mismatch",
      severity: "medium",
      path: manifest,
      what: `${named} ${family}`,
      message: `The manifest says ${named}, but ${text} reads like ${family}.`,
      fix: "Make both say the same.",
      evidence: `"license": ${JSON.stringify(named)}; ${text}: ${family}`,
      facts: { named, family, text },
    },
  ];
}

export async function verifyOwnLicence(finding: Finding, repo: Repository): Promise<Verdict> {
  const readme = (await repo.paths()).children("").find((name) => /^readme(\.|$)/i.test(name));
  const prose = readme === undefined ? "" : ((await repo.textOrNull(readme)) ?? "");
  if (finding.rule === "licence-mismatch") {
    const method = "the README's word";
    const named = fact(finding, "named");
    return prose.includes(named) ? likely(method, `The README says ${named}, too.`) : confirmed(method);
  }
  const method = "search for licence wording in all root files and in LICENSES/";
  const { files } = await repo.paths();
  const candidates = files.filter(
    (file) => (!file.includes("/") || file.startsWith("LICENSES/")) && /(\.(txt|md|rst)|^[A-Z]+)$/.test(file),
  );
  for (const path of candidates.slice(0, 30)) {
    const family = familyOfText((await repo.textOrNull(path)) ?? "");
    if (family !== null) return rejected(method, `${path} has the text of ${family}.`);
  }
  return confirmed(method);
}
