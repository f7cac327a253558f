import { dimensions, type VerifiedFinding } from "../finding.ts";
import { dimensionText } from "./dimensions.ts";
import type { ReportModel } from "./model.ts";
import { headline } from "./headline.ts";
import { severitiesDown } from "./order.ts";
import { shown } from "./score.ts";
import { bytes, count, duration, instant, md, mdCode, place, plural, signed } from "./text.ts";

/** Findings shown at once in each dimension; the rest is folded away. */
const FOLD_AFTER = 15;

export function renderMarkdown(model: ReportModel): string {
  const sections = [summary, grades, actions, changes, findings, rejections, gaps, making];
  return `${sections
    .map((section) => section(model))
    .filter((text) => text !== "")
    .join("\n\n")}\n`;
}

function summary(model: ReportModel): string {
  const { result, scores, gate } = model;
  const { repo } = result;
  const head = repo.head === null ? "" : ` at ${mdCode(repo.head.slice(0, 12))}`;
  const grade =
    scores.total === null
      ? "Nothing was audited."
      : `**Grade ${scores.grade}, ${shown(scores.total)} of 100**${delta(model.diff?.total.delta)}.`;
  return [
    `# Repository audit: ${md(repo.name)}`,
    "",
    `${plural(repo.files, "file")}, ${bytes(repo.bytes)}${head}, finished ${md(instant(result.finishedAt))}.`,
    "",
    `${grade} ${md(headline(model))}`,
    "",
    gate.passed ? `**Gate passed.** ${md(gate.rule)}.` : `**Gate failed.** ${md(gate.rule)}:`,
    ...(gate.passed ? [] : ["", ...gate.breaches.map((breach) => `- ${md(breach.message)}`)]),
  ].join("\n");
}

function grades(model: ReportModel): string {
  const { diff } = model;
  const changed = diff !== null;
  const rows = model.scores.dimensions.map((d, i) => {
    const score = d.score === null ? "not audited" : `${d.complete ? "" : "≤ "}${shown(d.score)}`;
    const change = changed ? ` ${d.score === null ? "" : movement(diff.dimensions[i]!.delta)} |` : "";
    const counts = severitiesDown.map((severity) => (d.counts[severity] === 0 ? "·" : count(d.counts[severity]))).join(" | ");
    return `| ${dimensionText[d.dimension].label} | ${score} |${change} ${counts} |`;
  });
  const partial = model.scores.dimensions.some((d) => d.audited && !d.complete);
  return [
    "## Scores",
    "",
    `| Dimension | Score |${changed ? " Change |" : ""} High | Medium | Low | Info |`,
    `| --- | ---: |${changed ? " ---: |" : ""} ---: | ---: | ---: | ---: |`,
    ...rows,
    ...(partial ? ["", "≤ marks a dimension in which work did not finish: the score can only fall."] : []),
  ].join("\n");
}

function actions(model: ReportModel): string {
  if (model.actions.length === 0) return "";
  const lines = model.actions.map((action, i) => {
    const times = action.count > 1 ? ` ×${count(action.count)}` : "";
    const gain = action.gain > 0 ? `, ${signed(action.gain)} ${dimensionText[action.dimension].label}` : "";
    const paths = action.paths.slice(0, 3).map(mdCode).join(", ");
    const more = action.paths.length > 3 ? ` and ${plural(action.paths.length - 3, "more file")}` : "";
    return `${i + 1}. **${md(action.title)}${times}** (${action.severity}${gain})  \n   ${md(action.fix)}${paths === "" ? "" : `  \n   ${paths}${more}`}`;
  });
  return ["## What to do first", "", ...lines].join("\n");
}

function changes(model: ReportModel): string {
  const { diff } = model;
  if (diff === null) return "";
  const list = (title: string, items: readonly VerifiedFinding[]): string[] =>
    items.length === 0
      ? []
      : [
          "",
          `**${title}**`,
          "",
          ...folded(
            items.map((f) => `- ${line(f)}`),
            10,
            plural(Math.max(0, items.length - 10), "more"),
          ),
        ];
  return [
    "## Since the last run",
    "",
    `Compared with run ${mdCode(diff.previous.runId)} of ${md(instant(diff.previous.finishedAt))}: ${count(diff.new.length)} new, ${count(diff.fixed.length)} fixed, ${count(diff.unchanged.length)} unchanged${
      diff.withdrawn.length === 0 ? "" : `, ${count(diff.withdrawn.length)} withdrawn by the second method`
    }${diff.unknown.length === 0 ? "" : `, ${count(diff.unknown.length)} not looked at this time`}.`,
    ...list("New", diff.new),
    ...list("Fixed", diff.fixed),
  ].join("\n");
}

function findings(model: ReportModel): string {
  if (model.counted.length === 0) return "## Findings\n\nNone.";
  const parts = dimensions.flatMap((dimension) => {
    const own = model.counted.filter((f) => f.dimension === dimension);
    if (own.length === 0) return [];
    const rows = own.map((f) => `- ${line(f)}`);
    return [
      `### ${dimensionText[dimension].label} (${count(own.length)})`,
      "",
      ...folded(rows, FOLD_AFTER, plural(Math.max(0, own.length - FOLD_AFTER), "more finding")),
      "",
    ];
  });
  return ["## Findings", "", ...parts].join("\n").trimEnd();
}

function line(f: VerifiedFinding): string {
  const where = f.path === "" ? "" : ` ${mdCode(place(f))}`;
  return `**${f.severity}**${where} ${md(f.message)} _${f.verdict.status}_`;
}

function rejections(model: ReportModel): string {
  if (model.rejected.length === 0) return "";
  return [
    "## Rejected by the second method",
    "",
    `${plural(model.rejected.length, "finding")} did not survive verification and ${model.rejected.length === 1 ? "counts" : "count"} for nothing.`,
    "",
    "| Reason | Findings |",
    "| --- | ---: |",
    ...model.rejections.map(({ reason, count: n }) => `| ${md(reason)} | ${count(n)} |`),
  ].join("\n");
}

function gaps(model: ReportModel): string {
  const { gaps: all } = model.result;
  if (all.length === 0) return "## Gaps\n\nNone: all planned work finished.";
  return [
    "## Gaps",
    "",
    `${plural(all.length, "task")} did not finish. What they would have found is missing here.`,
    "",
    "| Task | What is missing | Why |",
    "| --- | --- | --- |",
    ...all.map((gap) => `| ${mdCode(gap.task)} | ${md(gap.what)} | ${md(gap.why)} |`),
  ].join("\n");
}

function making(model: ReportModel): string {
  const { result, costUsd } = model;
  const { stats } = result;
  return [
    "## How this was made",
    "",
    `${plural(stats.tasks, "task")} in ${plural(stats.shards, "shard")} (${count(stats.reusedShards)} reused, ${count(stats.filesUnchanged)} of ${plural(result.repo.files, "file")} unchanged) on ${plural(stats.workers, "worker")}, ${duration(result.startedAt, result.finishedAt)}, $${costUsd.toFixed(2)}. ${plural(stats.verified, "finding")} checked by a second method. Run ${mdCode(result.runId)}.`,
    ...(result.plan.length === 0
      ? []
      : [
          "",
          "| Dimension | Planned | Shards | Why |",
          "| --- | --- | ---: | --- |",
          ...result.plan.map(
            (d) => `| ${dimensionText[d.dimension].label} | ${d.included ? "yes" : "no"} | ${count(d.shards)} | ${md(d.why)} |`,
          ),
        ]),
  ].join("\n");
}

function folded(rows: readonly string[], limit: number, label: string): string[] {
  if (rows.length <= limit) return [...rows];
  // GitHub reads Markdown inside <details> only after an empty line.
  return [...rows.slice(0, limit), "", `<details><summary>${label}</summary>`, "", ...rows.slice(limit), "", "</details>"];
}

function delta(n: number | null | undefined): string {
  return n === null || n === undefined ? "" : n === 0 ? ", as in the last run" : `, ${signed(n)} since the last run`;
}

function movement(n: number | null): string {
  return n === null ? "new" : signed(n);
}
