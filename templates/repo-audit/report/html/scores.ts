import { dimensionText } from "../dimensions.ts";
import type { ScoreDelta } from "../diff.ts";
import type { ReportModel } from "../model.ts";
import { severitiesDown } from "../order.ts";
import { shown, type DimensionScore } from "../score.ts";
import { count } from "../text.ts";
import { scoreBar, severityStack } from "./charts.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { deltaMark, filterLink, section } from "./parts.ts";

export function scoresSection(model: ReportModel): Markup {
  const { scores, diff, result } = model;
  const rows = scores.dimensions.map((score, i) => {
    const why = result.plan.find((p) => p.dimension === score.dimension)?.why ?? "not planned";
    return score.score === null ? leftOut(score, why, diff === null ? 6 : 7) : audited(score, diff?.dimensions[i] ?? null);
  });
  const change = diff === null ? nothing : markup`<th scope="col" class="n">Change</th>`;
  const severities = severitiesDown.map((severity) => markup`<th scope="col" class="n">${severity}</th>`);
  const tick = diff === null ? "" : " The tick on a bar is the last run.";
  return section(
    "scores",
    "Scores",
    `From 0 to 100; 100 means that nothing was counted.${tick}`,
    markup`<table class="scores">
<thead><tr><th scope="col">Dimension</th><th scope="col" class="n">Score</th>
<th scope="col" class="barcell"><span class="sr">Bar</span></th>${change}<th scope="col" class="mixcell">Mix</th>${severities}</tr></thead>
<tbody>${rows}${total(model)}</tbody>
</table>${method}`,
  );
}

function leftOut({ dimension }: DimensionScore, why: string, columns: number): Markup {
  return markup`<tr class="off">${nameCell(dimension)}<td class="n score">–</td>
<td class="barcell" colspan="${columns}">Not audited: ${why}</td></tr>`;
}

function audited({ dimension, score, complete, counts }: DimensionScore, delta: ScoreDelta | null): Markup {
  const { label } = dimensionText[dimension];
  const bound = complete ? nothing : markup`<span title="Work did not finish: at most this">≤</span>`;
  const numbers = severitiesDown.map((severity) => {
    const n = counts[severity];
    const filter = { dimension, severity };
    const shownCount =
      n === 0
        ? markup`<span class="zero">0</span>`
        : filterLink(filter, `d-${dimension}`, count(n), `${n} ${severity} in ${label}`);
    return markup`<td class="n sev" data-label="${severity}">${shownCount}</td>`;
  });
  return markup`<tr>${nameCell(dimension)}<td class="n score">${bound}${shown(score!)}</td>
<td class="barcell">${scoreBar(score!, delta?.before ?? null)}</td>${changeCell(delta)}
<td class="mixcell">${severityStack(counts)}</td>${numbers}</tr>`;
}

function total({ scores, diff, severities }: ReportModel): Markup {
  if (scores.total === null) return nothing;
  const numbers = severitiesDown.map((s) => markup`<td class="n sev" data-label="${s}">${count(severities[s])}</td>`);
  return markup`<tr class="total"><td>Total</td><td class="n score">${shown(scores.total)}</td>
<td class="barcell">${scoreBar(scores.total, diff?.total.before ?? null)}</td>${changeCell(diff?.total ?? null)}
<td class="mixcell">${severityStack(severities)}</td>${numbers}</tr>`;
}

function nameCell(dimension: DimensionScore["dimension"]): Markup {
  const { label, asks } = dimensionText[dimension];
  return markup`<td>${label}<small>${asks}</small></td>`;
}

function changeCell(delta: ScoreDelta | null): Markup {
  return delta === null ? nothing : markup`<td class="n chg">${deltaMark(delta.delta)}</td>`;
}

const method = markup`<details class="method"><summary>How a score comes about</summary>
<p>Every three high findings halve a score, in a repository of any size. So do smaller findings when they use up an
allowance of 10 + 2 × √files: a medium one takes 4 of it, a low one 1, an info none. A likely finding counts half, a rejected
one nothing. The total is the mean by weight: secrets 3; licences, tests, dependencies and CI 2; the others 1. A is 90 and
more, B 75, C 60, D 40; a confirmed high finding rules an A out.</p>
</details>`;
