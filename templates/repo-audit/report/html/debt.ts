import type { VerifiedFinding } from "../../finding.ts";

const DAY_MS = 86_400_000;
const BINS = [
  { name: "< 1 month", days: 30 },
  { name: "1–3 months", days: 91 },
  { name: "3–6 months", days: 183 },
  { name: "6–12 months", days: 365 },
  { name: "1–2 years", days: 731 },
  { name: "2–5 years", days: 1826 },
  { name: "> 5 years", days: Infinity },
] as const;

/** How old the debt is, youngest first; null when no finding knows its age. */
export function debtAges(findings: readonly VerifiedFinding[], nowIso: string): readonly { readonly name: string; readonly n: number }[] | null {
  const ages = findings.filter((f) => f.dimension === "debt").flatMap((f) => ageDays(f, Date.parse(nowIso)) ?? []);
  if (ages.length === 0) return null;
  const bins = BINS.map(({ name }) => ({ name, n: 0 }));
  for (const age of ages) bins[BINS.findIndex(({ days }) => age < days)]!.n++;
  return bins;
}

/** Auditors tell the age in days, or the day on which the line was written. */
function ageDays(finding: VerifiedFinding, now: number): number | null {
  const told = finding.facts?.["ageDays"];
  if (typeof told === "number" && Number.isFinite(told)) return told;
  const since = finding.facts?.["since"];
  const at = typeof since === "string" ? Date.parse(since) : NaN;
  return Number.isNaN(at) || Number.isNaN(now) ? null : (now - at) / DAY_MS;
}
