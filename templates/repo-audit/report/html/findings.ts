import { dimensions, type VerifiedFinding } from "../../finding.ts";
import { dimensionText } from "../dimensions.ts";
import type { ReportModel } from "../model.ts";
import { severitiesDown } from "../order.ts";
import { count, plural, ruleName, visible } from "../text.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { pathMark, section, severityGlyph, severityMark, verdictGlyph, verdictMark, verdictsInOrder } from "./parts.ts";

/** Findings shown at once in each dimension; the rest waits one click away, and a filter opens it by itself. */
const FOLD_AFTER = 12;

export function findingsSection(model: ReportModel): Markup {
  const row = rowMaker(model);
  const groups = dimensions.flatMap((dimension) => {
    const own = model.counted.filter((f) => f.dimension === dimension);
    return own.length === 0
      ? []
      : [group(`d-${dimension}`, dimensionText[dimension].label, dimensionText[dimension].asks, own, row)];
  });
  const rejected =
    model.rejected.length === 0
      ? nothing
      : group("d-rejected", "Rejected", "Thrown out by the second method, and counted for nothing.", model.rejected, row, 0);
  const lead =
    model.findings.length === 0
      ? "Nothing was found."
      : "Worst first. Open a finding for its evidence, the verdict on it, and what to do.";
  return section(
    "findings",
    "Findings",
    lead,
    markup`${model.findings.length === 0 ? nothing : filterBar(model)}<div id="list">${groups}${rejected}</div><p id="none" hidden>No finding matches this filter. <button type="button" class="plain" data-clear>Show all</button></p>`,
  );
}

function group(
  id: string,
  title: string,
  asks: string,
  findings: readonly VerifiedFinding[],
  row: (f: VerifiedFinding) => Markup,
  fold = FOLD_AFTER,
): Markup {
  const shown = findings.slice(0, fold);
  const rest = findings.slice(fold);
  const label = fold === 0 ? plural(rest.length, "rejected finding") : `${count(rest.length)} more in ${title}`;
  const more =
    rest.length === 0 ? nothing : markup`<details class="more"><summary>Show ${label}</summary>${rest.map(row)}</details>`;
  return markup`<section class="group" id="${id}" aria-labelledby="${id}-title"><h3 id="${id}-title">${title} <span class="n" data-of="${findings.length}">${count(findings.length)}</span> <small>${asks}</small></h3>${shown.map(row)}${more}</section>`;
}

function rowMaker(model: ReportModel): (f: VerifiedFinding) => Markup {
  const fresh = new Set(model.diff?.new ?? []);
  // Ids repeat when a file holds the same thing twice, but an anchor must not.
  const anchors = new Map<string, number>();
  const actionOf = new Map<string, number>();
  model.actions.forEach((action, i) => action.findingIds.forEach((id) => actionOf.set(id, i + 1)));
  return (f) => {
    const anchor = `f-${/^[\w.-]{1,100}$/.test(f.id) ? f.id : "x"}`;
    const seen = anchors.get(anchor) ?? 0;
    anchors.set(anchor, seen + 1);
    const action = f.verdict.status === "rejected" ? undefined : actionOf.get(f.id);
    return finding(f, seen === 0 ? anchor : `${anchor}-${seen + 1}`, fresh.has(f), action);
  };
}

function finding(f: VerifiedFinding, anchor: string, fresh: boolean, action: number | undefined): Markup {
  const marks = markup`${fresh ? markup` data-c="new"` : nothing}${action === undefined ? nothing : markup` data-a="${action}"`}`;
  return markup`<details class="f" id="${anchor}" data-d="${f.dimension}" data-s="${f.severity}" data-v="${f.verdict.status}"${marks}><summary>${severityMark(f.severity)}<span class="m"><bdi>${f.message}</bdi>${fresh ? markup` <em>new</em>` : nothing}</span>${pathMark(f.path, f.line)}${verdictMark(f.verdict.status)}</summary>${body(f, anchor)}</details>
`;
}

function body(f: VerifiedFinding, anchor: string): Markup {
  const facts = Object.entries(f.facts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const where =
    f.path === ""
      ? nothing
      : markup`<dt>Where</dt><dd><code>${f.path}</code>${f.line === undefined ? "" : `, line ${f.line}`}</dd>`;
  const evidence =
    f.evidence === "" ? nothing : markup`<dt class="key">Evidence</dt><dd class="key"><pre>${lines(f.evidence)}</pre></dd>`;
  const known =
    facts.length === 0
      ? nothing
      : markup`<dt>Facts</dt><dd class="facts">${facts.map(([name, value]) => markup`<span>${name} <b>${String(value)}</b></span>`)}</dd>`;
  return markup`<div class="b"><dl><dt class="key">Fix</dt><dd class="key fix"><bdi>${f.fix}</bdi></dd>${where}${evidence}<dt>Verdict</dt><dd>${verdictInWords(f)}</dd>${known}<dt>Rule</dt><dd><code>${f.dimension}/${f.rule}</code> ${ruleName(f.rule)} <a class="id" href="#${anchor}">link to this finding</a></dd></dl></div>`;
}

function verdictInWords({ verdict, severity }: VerifiedFinding): Markup {
  switch (verdict.status) {
    case "confirmed":
      return markup`Confirmed by ${verdict.method}.`;
    case "likely":
      return markup`Likely, by ${verdict.method}: ${verdict.reason}`;
    case "rejected":
      return markup`Rejected by ${verdict.method}: ${verdict.reason}`;
    case "unverified":
      return severity === "low" || severity === "info"
        ? markup`Not checked a second time: that starts at medium.`
        : markup`Not checked a second time: the check did not finish.`;
  }
}

/** Evidence may have lines; each of them is made visible by itself. */
function lines(text: string): Markup {
  return markup`${text.split(/\r\n|\r|\n/).map((line, i) => markup`${i === 0 ? "" : new_line}${visible(line)}`)}`;
}
const new_line = markup`
`;

function filterBar(model: ReportModel): Markup {
  const chips = (
    name: string,
    title: string,
    items: readonly { value: string; label: string; n: number; glyph?: string }[],
  ): Markup => {
    const filled = items.filter((item) => item.n > 0);
    if (filled.length === 0) return nothing;
    return markup`<fieldset><legend>${title}</legend>${filled.map(
      (item) =>
        markup`<button type="button" aria-pressed="false" data-key="${name}" data-value="${item.value}">${item.glyph === undefined ? nothing : markup`<i class="c-${item.value}" aria-hidden="true">${item.glyph}</i>`}${item.label} <span>${count(item.n)}</span></button>`,
    )}</fieldset>`;
  };
  return markup`<form id="filter" role="search" aria-label="Filter the findings" hidden>
<div class="fields"><label><span>Search</span><input type="search" id="q" autocomplete="off" spellcheck="false" placeholder="Message, evidence, rule"></label><label><span>Path</span><input type="search" id="path" autocomplete="off" spellcheck="false" placeholder="src/, .yml"></label><output id="shown" aria-live="polite"></output><button type="button" class="plain" data-clear>Clear</button></div>
<div class="chips">${chips(
    "severity",
    "Severity",
    severitiesDown.map((value) => ({ value, label: value, n: model.severities[value], glyph: severityGlyph[value] })),
  )}${chips(
    "verdict",
    "Verdict",
    verdictsInOrder.map((value) => ({ value, label: value, n: model.verdicts[value], glyph: verdictGlyph[value] })),
  )}${chips("change", "Change", [{ value: "new", label: "new", n: model.diff?.new.length ?? 0 }])}${chips(
    "dimension",
    "Dimension",
    dimensions.map((value) => ({
      value,
      label: dimensionText[value].label,
      n: model.findings.filter((f) => f.dimension === value).length,
    })),
  )}</div>
</form>`;
}
