import { dimensionText } from "../dimensions.ts";
import type { ReportModel } from "../model.ts";
import { count, duration, plural } from "../text.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { section } from "./parts.ts";

export function gapsSection({ result: { gaps } }: ReportModel): Markup {
  if (gaps.length === 0) return section("gaps", "Gaps", "None: all planned work finished.", nothing);
  const rows = gaps.map((gap) => markup`<tr><td><code>${gap.task}</code></td><td>${gap.what}</td><td>${gap.why}</td></tr>`);
  return section(
    "gaps",
    "Gaps",
    `${plural(gaps.length, "task")} did not finish. What they would have found is missing from this report.`,
    markup`<table class="tasks">
<thead><tr><th scope="col">Task</th><th scope="col">What is missing</th><th scope="col">Why</th></tr></thead>
<tbody>${rows}</tbody>
</table>`,
  );
}

export function makingSection({ result, costUsd }: ReportModel): Markup {
  const { stats, repo, plan } = result;
  const numbers = [
    ["Tasks", count(stats.tasks)],
    ["Shards", count(stats.shards)],
    ["Shards reused", count(stats.reusedShards)],
    ["Checked twice", count(stats.verified)],
    ["Workers", count(stats.workers)],
    ["Time", duration(result.startedAt, result.finishedAt)],
    ["Cost", `$${costUsd.toFixed(2)}`],
  ] as const;
  const lead =
    stats.filesUnchanged > 0
      ? `${count(stats.filesUnchanged)} of ${plural(repo.files, "file")} unchanged since the last run.`
      : "Every file was read.";
  const list = numbers.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return section("making", "How this was made", lead, markup`<dl class="made">${list}</dl>${planTable(plan)}`);
}

function planTable(plan: ReportModel["result"]["plan"]): Markup {
  if (plan.length === 0) return nothing;
  const rows = plan.map(
    (d) =>
      markup`<tr${d.included ? nothing : markup` class="off"`}><td>${dimensionText[d.dimension].label}</td><td>${d.included ? "" : "Left out: "}${d.why}</td><td class="n" data-label="shards">${count(d.shards)}</td></tr>`,
  );
  return markup`<table class="tasks">
<thead><tr><th scope="col">Dimension</th><th scope="col">Why it is in or out</th><th scope="col" class="n">Shards</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}
