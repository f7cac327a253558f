import type { VerifiedFinding } from "../../finding.ts";
import { dimensionText } from "../dimensions.ts";
import type { ReportModel } from "../model.ts";
import { severitiesDown } from "../order.ts";
import { shown } from "../score.ts";
import { bytes, count, cut, duration, instant, plural, signed } from "../text.ts";
import { deltaBar, fileWeights, funnel, histogram, legend, scoreBar, severityStack, stack, treemap } from "./charts.ts";
import { debtAges } from "./debt.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { filterLink, pathMark, section, severityGlyph, severityMark, verdictGlyph } from "./parts.ts";

/** Cells in the map of files: more would be too small to name. */
const MAP_FILES = 28;
const NARROW_MAP_FILES = 12;
const CHANGES_SHOWN = 8;

export function masthead({ result }: ReportModel): Markup {
  const { repo } = result;
  return markup`<header class="mast"><div><p class="eyebrow">Repository audit</p><h1><bdi>${repo.name}</bdi></h1><p class="facts-line"><span>${
    repo.head === null ? "no commit" : markup`commit <code>${repo.head.slice(0, 12)}</code>`
  }</span><span>${plural(repo.files, "file")}</span><span>${bytes(repo.bytes)}</span><span>${instant(result.finishedAt)}</span><span>${duration(result.startedAt, result.finishedAt)}</span></p></div><button type="button" id="theme" hidden>Theme: <span>auto</span></button></header>`;
}

export function verdictStrip(model: ReportModel): Markup {
  const { scores, gate, diff, counted } = model;
  const grade = scores.total === null
    ? markup`<p class="big">Not graded</p><p class="soft">No dimension was audited.</p>`
    : markup`<p class="grade"><b>${scores.grade}</b><span>${shown(scores.total)} of 100<small>${diff?.total.delta == null ? "first run, nothing to compare" : diff.total.delta === 0 ? "as in the last run" : `${count(Math.abs(diff.total.delta))} ${diff.total.delta > 0 ? "above" : "below"} the last run`}</small></span></p>`;
  const breaches = gate.passed ? nothing : markup`<ul class="breaches">${gate.breaches.map((b) => markup`<li>${b.message}</li>`)}</ul>`;
  const since = diff === null
    ? markup`<p class="big">First run</p><p class="soft">The next run compares itself with this one.</p>`
    : markup`<p class="big">${count(diff.new.length)} new, ${count(diff.fixed.length)} fixed</p>${stack([{ name: "new", n: diff.new.length }, { name: "fixed", n: diff.fixed.length }, { name: "unchanged", n: diff.unchanged.length }])}<p class="soft">${count(diff.unchanged.length)} as before</p>`;
  return markup`<section class="verdict ${gate.passed ? "passes" : "fails"}" aria-label="Verdict"><div><p class="eyebrow">Grade</p>${grade}</div><div class="${gate.passed ? "pass" : "fail"}"><p class="eyebrow">Gate</p><p class="big"><i aria-hidden="true">${gate.passed ? "✓" : "✕"}</i>${gate.passed ? "Passed" : "Failed"}</p>${breaches}<p class="soft">${gate.rule}.</p></div><div><p class="eyebrow">Findings</p><p class="big">${count(counted.length)} ${counted.length === 1 ? "stands" : "stand"}</p>${severityStack(model.severities)}${legend(severitiesDown.map((name) => ({ name, n: model.severities[name], glyph: severityGlyph[name], filter: { severity: name } })))}</div><div><p class="eyebrow">Since the last run</p>${since}</div></section>`;
}

export function scoresSection(model: ReportModel): Markup {
  const { scores, diff } = model;
  const rows = scores.dimensions.map((d, i) => {
    const text = dimensionText[d.dimension];
    const name = markup`<td>${text.label}<small>${text.asks}</small></td>`;
    if (d.score === null) {
      const why = model.result.plan.find((p) => p.dimension === d.dimension)?.why ?? "not planned";
      return markup`<tr class="off">${name}<td class="n score">–</td><td class="barcell" colspan="${diff === null ? 6 : 7}">Not audited: ${why}</td></tr>`;
    }
    const change = diff === null ? nothing : markup`<td class="n chg">${deltaMark(diff.dimensions[i]!.delta)}</td>`;
    const cells = severitiesDown.map((severity) => markup`<td class="n sev" data-label="${severity}">${counted(d.counts[severity], { dimension: d.dimension, severity }, `d-${d.dimension}`, `${d.counts[severity]} ${severity} in ${text.label}`)}</td>`);
    return markup`<tr>${name}<td class="n score">${d.complete ? nothing : markup`<span title="Work did not finish: at most this">≤</span>`}${shown(d.score)}</td><td class="barcell">${scoreBar(d.score, diff?.dimensions[i]!.before ?? null)}</td>${change}<td class="mixcell">${severityStack(d.counts)}</td>${cells}</tr>`;
  });
  const total = scores.total === null ? nothing : markup`<tr class="total"><td>Total</td><td class="n score">${shown(scores.total)}</td><td class="barcell">${scoreBar(scores.total, diff?.total.before ?? null)}</td>${diff === null ? nothing : markup`<td class="n chg">${deltaMark(diff.total.delta)}</td>`}<td class="mixcell">${severityStack(model.severities)}</td>${severitiesDown.map((s) => markup`<td class="n sev" data-label="${s}">${count(model.severities[s])}</td>`)}</tr>`;
  const lead = diff === null ? "From 0 to 100; 100 means that nothing was counted." : "From 0 to 100; 100 means that nothing was counted. The tick on a bar is the last run.";
  return section("scores", "Scores", lead, markup`<table class="scores"><thead><tr><th scope="col">Dimension</th><th scope="col" class="n">Score</th><th scope="col" class="barcell"><span class="sr">Bar</span></th>${diff === null ? nothing : markup`<th scope="col" class="n">Change</th>`}<th scope="col" class="mixcell">Mix</th>${severitiesDown.map((s) => markup`<th scope="col" class="n">${s}</th>`)}</tr></thead><tbody>${rows}${total}</tbody></table>${method}`);
}

const method = markup`<details class="method"><summary>How a score comes about</summary><p>Every three high findings halve a score, in a repository of any size. So do smaller findings when they use up an allowance of 4 × √files: a medium one takes 4 of it, a low one 1, an info none. A likely finding counts half, a rejected one nothing. The total is the mean by weight: secrets 3; licences, tests, dependencies and CI 2; the others 1. A is 90 and more, B 75, C 60, D 40; a confirmed high finding rules an A out.</p></details>`;

function counted(n: number, filter: Readonly<Record<string, string>>, anchor: string, label: string): Markup {
  return n === 0 ? markup`<span class="zero">0</span>` : filterLink(filter, anchor, count(n), label);
}

function deltaMark(delta: number | null): Markup {
  if (delta === null) return markup`<span class="soft">new</span>`;
  return delta === 0 ? markup`<span class="zero">±0</span>` : markup`<span class="${delta > 0 ? "up" : "down"}">${signed(delta)}</span>`;
}

export function actionsSection(model: ReportModel): Markup {
  if (model.actions.length === 0) return section("actions", "What to do first", "Nothing: no finding stands.", nothing);
  const items = model.actions.map((action, i) => {
    const { label } = dimensionText[action.dimension];
    const more = action.paths.length > 3 ? markup`<span>and ${plural(action.paths.length - 3, "more file")}</span>` : nothing;
    const paths = action.paths.length === 0 ? nothing : markup`<p class="where">${action.paths.slice(0, 3).map((path) => markup`<span title="${path}"><bdi>${cut(path, 100)}</bdi></span>`)}${more}</p>`;
    const gain = action.gain > 0 ? markup`<b>+${action.gain}</b><small>${label}</small>` : markup`<b class="zero">+0</b><small>${label}</small>`;
    return markup`<li><span class="rank">${i + 1}</span><div><p class="what">${filterLink({ action: String(i + 1) }, `d-${action.dimension}`, markup`<bdi>${cut(action.title, 200)}</bdi>`)}${action.count > 1 ? markup`<b>×${count(action.count)}</b>` : nothing}</p><p class="how"><bdi>${cut(action.fix, 300)}</bdi></p>${paths}</div><div class="worth">${gain}${severityMark(action.severity)}</div></li>`;
  });
  return section("actions", "What to do first", "Worst first, equal findings together. The number is what the dimension's score gains.", markup`<ol class="actions">${items}</ol>`);
}

export function verificationSection(model: ReportModel): Markup {
  const { confirmed, likely, rejected, unverified } = model.verdicts;
  const checked = confirmed + likely + rejected;
  if (checked === 0) return nothing;
  const drawing = markup`<div><div class="path"><ol><li><b>${count(model.findings.length)}</b> found</li><li><b>${count(checked)}</b> checked</li><li><b>${count(confirmed + likely)}</b> held</li></ol>${funnel(model)}</div>${legend([
    { name: "confirmed", n: confirmed, glyph: verdictGlyph.confirmed, filter: { verdict: "confirmed" } },
    { name: "likely", n: likely, glyph: verdictGlyph.likely, filter: { verdict: "likely" } },
    { name: "rejected", n: rejected, glyph: verdictGlyph.rejected, filter: { verdict: "rejected" } },
    { name: "unverified", n: unverified, glyph: verdictGlyph.unverified, filter: { verdict: "unverified" } },
  ])}</div>`;
  const shownReasons = model.rejections.slice(0, 8);
  const rest = model.rejections.slice(8).reduce((sum, r) => sum + r.count, 0);
  const reasons = rejected === 0
    ? markup`<p class="soft">Nothing was rejected.</p>`
    : markup`<table><thead><tr><th scope="col">Why rejected</th><th scope="col" class="n">Findings</th></tr></thead><tbody>${shownReasons.map((r) => markup`<tr><td>${r.reason}</td><td class="n">${count(r.count)}</td></tr>`)}${rest === 0 ? nothing : markup`<tr><td class="soft">other reasons</td><td class="n">${count(rest)}</td></tr>`}</tbody></table>`;
  return section("verification", "Verification", "Every finding from medium up is checked again by a method that shares no code with the first.", markup`<div class="flow">${drawing}<div>${reasons}</div></div>`);
}

export function mapSection(model: ReportModel): Markup {
  const files = fileWeights(model.counted);
  if (files.length === 0) return nothing;
  const drawn = files.slice(0, MAP_FILES);
  const note = files.length > drawn.length ? markup`<p class="note">The heaviest of ${plural(files.length, "file")} with findings. Each leads to its findings.</p>` : nothing;
  return section("map", "Where it gathers", "Files by the weight of their findings; the colour is the worst severity.", markup`${treemap(drawn, "wide", 1000, 330)}${treemap(drawn.slice(0, NARROW_MAP_FILES), "narrow", 360, 400)}${note}`);
}

export function debtSection(model: ReportModel): Markup {
  const bins = debtAges(model.counted, model.result.finishedAt);
  if (bins === null) return nothing;
  const old = bins.slice(-2).reduce((sum, bin) => sum + bin.n, 0);
  return section("debt", "Age of debt", old === 0 ? "When the markers were written." : `When the markers were written: ${count(old)} of them more than two years ago.`, histogram(bins));
}

export function changesSection(model: ReportModel): Markup {
  const { diff } = model;
  if (diff === null) return nothing;
  const moved = diff.dimensions.filter((d) => d.delta !== null && d.delta !== 0);
  const scale = Math.max(...moved.map((d) => Math.abs(d.delta!)), 5);
  const deltas = moved.length === 0 ? markup`<p class="soft">No score moved.</p>` : markup`<ul class="deltas">${moved.map((d) => markup`<li><span>${dimensionText[d.dimension].label}</span>${deltaBar(d.delta!, scale)}<b>${deltaMark(d.delta)}</b></li>`)}</ul>`;
  const aside = [
    ...(diff.withdrawn.length > 0 ? [`${count(diff.withdrawn.length)} stood before and ${diff.withdrawn.length === 1 ? "is" : "are"} rejected now.`] : []),
    ...(diff.unknown.length > 0 ? [`${count(diff.unknown.length)} could not be looked for, because work did not finish; ${diff.unknown.length === 1 ? "it does" : "they do"} not count as fixed.`] : []),
  ].join(" ");
  const lead = `Compared with the run of ${instant(diff.previous.finishedAt)}${diff.previous.head === null ? "" : ` at ${diff.previous.head.slice(0, 12)}`}.`;
  return section("changes", "Since the last run", lead, markup`<div class="changes"><div class="wide">${legend([{ name: "new", n: diff.new.length, glyph: "+", filter: { change: "new" } }, { name: "fixed", n: diff.fixed.length, glyph: "−" }, { name: "unchanged", n: diff.unchanged.length, glyph: "=" }])}${aside === "" ? nothing : markup`<p class="soft">${aside}</p>`}</div><div class="wide">${deltas}</div>${changeList("New", diff.new, { change: "new" })}${changeList("Fixed", diff.fixed)}</div>`);
}

function changeList(title: string, findings: readonly VerifiedFinding[], filter?: Readonly<Record<string, string>>): Markup {
  const rest = findings.length - CHANGES_SHOWN;
  const worstFirst = severitiesDown.flatMap((severity) => findings.filter((f) => f.severity === severity)).slice(0, CHANGES_SHOWN);
  const more = rest <= 0 ? nothing : markup`<p class="note">${filter === undefined ? `and ${count(rest)} more` : filterLink(filter, "findings", `and ${count(rest)} more`)}</p>`;
  return markup`<div><h3>${title} <small class="soft">${count(findings.length)}</small></h3>${findings.length === 0 ? markup`<p class="soft">None.</p>` : markup`<ul class="list">${worstFirst.map((f) => markup`<li>${severityMark(f.severity)}<span class="m"><bdi>${f.message}</bdi></span>${pathMark(f.path, f.line)}</li>`)}</ul>${more}`}</div>`;
}

export function gapsSection({ result }: ReportModel): Markup {
  if (result.gaps.length === 0) return section("gaps", "Gaps", "None: all planned work finished.", nothing);
  const rows = result.gaps.map((gap) => markup`<tr><td><code>${gap.task}</code></td><td>${gap.what}</td><td>${gap.why}</td></tr>`);
  return section("gaps", "Gaps", `${plural(result.gaps.length, "task")} did not finish. What they would have found is missing from this report.`, markup`<table class="tasks"><thead><tr><th scope="col">Task</th><th scope="col">What is missing</th><th scope="col">Why</th></tr></thead><tbody>${rows}</tbody></table>`);
}

export function makingSection(model: ReportModel): Markup {
  const { result, costUsd } = model;
  const { stats, repo } = result;
  const numbers: readonly (readonly [string, string])[] = [
    ["Tasks", count(stats.tasks)],
    ["Shards", count(stats.shards)],
    ["Shards reused", count(stats.reusedShards)],
    ["Checked twice", count(stats.verified)],
    ["Workers", count(stats.workers)],
    ["Time", duration(result.startedAt, result.finishedAt)],
    ["Cost", `$${costUsd.toFixed(2)}`],
  ];
  const plan = result.plan.length === 0 ? nothing : markup`<table class="tasks"><thead><tr><th scope="col">Dimension</th><th scope="col">Why it is in or out</th><th scope="col" class="n">Shards</th></tr></thead><tbody>${result.plan.map((d) => markup`<tr${d.included ? nothing : markup` class="off"`}><td>${dimensionText[d.dimension].label}</td><td>${d.included ? "" : "Left out: "}${d.why}</td><td class="n" data-label="shards">${count(d.shards)}</td></tr>`)}</tbody></table>`;
  const lead = stats.filesUnchanged > 0 ? `${count(stats.filesUnchanged)} of ${plural(repo.files, "file")} unchanged since the last run.` : "Every file was read.";
  return section("making", "How this was made", lead, markup`<dl class="made">${numbers.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>${plan}`);
}
