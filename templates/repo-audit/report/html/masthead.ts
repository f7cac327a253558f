import type { DiffResult } from "../diff.ts";
import type { ReportModel } from "../model.ts";
import { severitiesDown } from "../order.ts";
import { shown } from "../score.ts";
import { bytes, count, duration, instant, plural } from "../text.ts";
import { legend, severityStack, stack } from "./charts.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { severityGlyph } from "./parts.ts";

export function masthead({ result }: ReportModel): Markup {
  const { repo, startedAt, finishedAt } = result;
  const facts = [
    repo.head === null ? "no commit" : markup`commit <code>${repo.head.slice(0, 12)}</code>`,
    plural(repo.files, "file"),
    bytes(repo.bytes),
    instant(finishedAt),
    duration(startedAt, finishedAt),
  ];
  return markup`<header class="mast">
<div>
<p class="eyebrow">Repository audit</p>
<h1><bdi>${repo.name}</bdi></h1>
<p class="facts-line">${facts.map((fact) => markup`<span>${fact}</span>`)}</p>
</div>
<button type="button" id="theme" hidden>Theme: <span>auto</span></button>
</header>`;
}

/** The four answers that most readers came for: how good, may it pass, how much, and what moved. */
export function verdictStrip(model: ReportModel): Markup {
  const { passed } = model.gate;
  return markup`<section class="verdict ${passed ? "passes" : "fails"}" aria-label="Verdict">
<div><p class="eyebrow">Grade</p>${grade(model)}</div>
<div class="${passed ? "pass" : "fail"}"><p class="eyebrow">Gate</p>${gate(model)}</div>
<div><p class="eyebrow">Findings</p>${findings(model)}</div>
<div><p class="eyebrow">Since the last run</p>${sinceLastRun(model.diff)}</div>
</section>`;
}

function grade({ scores, diff }: ReportModel): Markup {
  if (scores.total === null) return markup`<p class="big">Not graded</p><p class="soft">No dimension was audited.</p>`;
  const beside = markup`<small>${besideLastRun(diff)}</small>`;
  return markup`<p class="grade"><b>${scores.grade}</b><span>${shown(scores.total)} of 100${beside}</span></p>`;
}

function besideLastRun(diff: DiffResult | null): string {
  if (diff === null) return "first run";
  const { delta } = diff.total;
  if (delta === null) return "the last run had no score";
  return delta === 0 ? "as in the last run" : `${count(Math.abs(delta))} ${delta > 0 ? "above" : "below"} the last run`;
}

function gate({ gate: { passed, breaches, rule } }: ReportModel): Markup {
  const list = passed ? nothing : markup`<ul class="breaches">${breaches.map((b) => markup`<li>${b.message}</li>`)}</ul>`;
  const outcome = passed ? markup`<i aria-hidden="true">✓</i>Passed` : markup`<i aria-hidden="true">✕</i>Failed`;
  return markup`<p class="big">${outcome}</p>${list}<p class="soft">${rule}.</p>`;
}

function findings({ counted, severities }: ReportModel): Markup {
  const parts = severitiesDown.map((name) => ({
    name,
    n: severities[name],
    glyph: severityGlyph[name],
    filter: { severity: name },
  }));
  const stands = counted.length === 1 ? "stands" : "stand";
  return markup`<p class="big">${count(counted.length)} ${stands}</p>${severityStack(severities)}${legend(parts)}`;
}

function sinceLastRun(diff: DiffResult | null): Markup {
  if (diff === null) return markup`<p class="big">First run</p><p class="soft">The next run compares itself with this one.</p>`;
  const parts = (["new", "fixed", "unchanged"] as const).map((name) => ({ name, n: diff[name].length }));
  return markup`<p class="big">${count(diff.new.length)} new, ${count(diff.fixed.length)} fixed</p>${stack(parts)}
<p class="soft">${count(diff.unchanged.length)} as before</p>`;
}
