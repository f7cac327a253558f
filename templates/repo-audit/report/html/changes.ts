import type { VerifiedFinding } from "../../finding.ts";
import type { DiffResult } from "../diff.ts";
import { dimensionText } from "../dimensions.ts";
import type { ReportModel } from "../model.ts";
import { severitiesDown } from "../order.ts";
import { count, instant } from "../text.ts";
import { deltaBar, legend } from "./charts.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { deltaMark, filterLink, pathMark, section, severityMark } from "./parts.ts";

const CHANGES_SHOWN = 8;

export function changesSection({ diff }: ReportModel): Markup {
  if (diff === null) return nothing;
  const { finishedAt, head } = diff.previous;
  const parts = [
    { name: "new", n: diff.new.length, glyph: "+", filter: { change: "new" } },
    { name: "fixed", n: diff.fixed.length, glyph: "−" },
    { name: "unchanged", n: diff.unchanged.length, glyph: "=" },
  ];
  return section(
    "changes",
    "Since the last run",
    `Compared with the run of ${instant(finishedAt)}${head === null ? "" : ` at ${head.slice(0, 12)}`}.`,
    markup`<div class="changes">
<div class="wide">${legend(parts)}${asides(diff)}</div>
<div class="wide">${deltas(diff)}</div>
${list("New", diff.new, { change: "new" })}
${list("Fixed", diff.fixed)}
</div>`,
  );
}

function asides({ withdrawn, unknown }: DiffResult): Markup {
  const lines = [
    ...(withdrawn.length > 0
      ? [`${count(withdrawn.length)} stood before and ${withdrawn.length === 1 ? "is" : "are"} rejected now.`]
      : []),
    ...(unknown.length > 0
      ? [
          `${count(unknown.length)} could not be looked for, because work did not finish or was left out; ${unknown.length === 1 ? "it does" : "they do"} not count as fixed.`,
        ]
      : []),
  ];
  return lines.length === 0 ? nothing : markup`<p class="soft">${lines.join(" ")}</p>`;
}

function deltas(diff: DiffResult): Markup {
  const moved = diff.dimensions.flatMap(({ dimension, delta }) => (delta === null || delta === 0 ? [] : [{ dimension, delta }]));
  if (moved.length === 0) return markup`<p class="soft">No score moved.</p>`;
  // Never below 5: a lone point must not fill the page.
  const scale = Math.max(5, ...moved.map(({ delta }) => Math.abs(delta)));
  const rows = moved.map(
    ({ dimension, delta }) =>
      markup`<li><span>${dimensionText[dimension].label}</span>${deltaBar(delta, scale)}<b>${deltaMark(delta)}</b></li>`,
  );
  return markup`<ul class="deltas">${rows}</ul>`;
}

function list(title: string, findings: readonly VerifiedFinding[], filter?: Readonly<Record<string, string>>): Markup {
  const heading = markup`<h3>${title} <small class="soft">${count(findings.length)}</small></h3>`;
  if (findings.length === 0) return markup`<div>${heading}<p class="soft">None.</p></div>`;
  const worst = severitiesDown.flatMap((severity) => findings.filter((f) => f.severity === severity)).slice(0, CHANGES_SHOWN);
  const rows = worst.map(
    (f) => markup`<li>${severityMark(f.severity)}<span class="m"><bdi>${f.message}</bdi></span>${pathMark(f.path, f.line)}</li>`,
  );
  const rest = findings.length - worst.length;
  const words = `and ${count(rest)} more`;
  const more =
    rest === 0 ? nothing : markup`<p class="note">${filter === undefined ? words : filterLink(filter, "findings", words)}</p>`;
  return markup`<div>${heading}<ul class="list">${rows}</ul>${more}</div>`;
}
