import type { VerifiedFinding } from "../../finding.ts";

const BINS = [
  { name: "< 1 month", months: 1 },
  { name: "1–3 months", months: 3 },
  { name: "3–6 months", months: 6 },
  { name: "6–12 months", months: 12 },
  { name: "1–2 years", months: 24 },
  { name: "2–5 years", months: 60 },
  { name: "> 5 years", months: Infinity },
] as const;

/** How old the debt is, youngest first, by the months that its audit tells; null when no finding knows its age. */
export function debtAges(findings: readonly VerifiedFinding[]): readonly { readonly name: string; readonly n: number }[] | null {
  const ages = findings
    .filter((f) => f.dimension === "debt")
    .map((f) => f.facts?.["months"])
    .filter((months): months is number => typeof months === "number" && Number.isFinite(months));
  if (ages.length === 0) return null;
  const bins = BINS.map(({ name }) => ({ name, n: 0 }));
  for (const age of ages) bins[BINS.findIndex(({ months }) => age < months)]!.n++;
  return bins;
}
