import type { ReportModel } from "./model.ts";
import { count, plural } from "./text.ts";

/** The report in two sentences, for people who read no further. */
export function headline(model: ReportModel): string {
  const { severities, rejected, counted, result } = model;
  if (model.findings.length === 0) {
    return result.gaps.length === 0
      ? "Nothing was found."
      : `Nothing was found, but ${plural(result.gaps.length, "task")} did not finish.`;
  }
  const serious = [
    ...(severities.high > 0 ? [`${count(severities.high)} high`] : []),
    ...(severities.medium > 0 ? [`${count(severities.medium)} medium`] : []),
  ].join(" and ");
  const stands = `${plural(counted.length, "finding")} ${counted.length === 1 ? "stands" : "stand"}, ${serious === "" ? "none above low" : `${serious} among them`}.`;
  const checked =
    result.stats.verified === 0
      ? ""
      : ` A second method checked ${count(result.stats.verified)} and threw out ${count(rejected.length)}.`;
  const gaps = result.gaps.length === 0 ? "" : ` ${plural(result.gaps.length, "task")} did not finish.`;
  return `${stands}${checked}${gaps}`;
}
