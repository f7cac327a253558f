// Inline SVG without any text of its own: words stay HTML, so they neither stretch nor shrink with the drawing.
// Geometry sits in attributes because the page's policy allows no style attributes.

import { severities, type Severity, type VerifiedFinding } from "../../finding.ts";
import type { ReportModel } from "../model.ts";
import { severitiesDown } from "../order.ts";
import { pointsOf } from "../score.ts";
import { count, cut, plural, visible } from "../text.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { filterLink, query } from "./parts.ts";
import { squarify } from "./treemap.ts";

const round = (n: number): number => Math.round(n * 100) / 100;

/** A score on its scale; the tick is where the last run stood. */
export function scoreBar(score: number, before: number | null): Markup {
  const tone = score >= 75 ? "good" : score >= 40 ? "fair" : "poor";
  const tick =
    before === null ? nothing : markup`<rect class="tick" x="${round(Math.min(99.2, before))}" y="0" width=".8" height="10"/>`;
  return markup`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" y="2" width="100" height="6"/><rect class="${tone}" y="2" width="${round(score)}" height="6"/>${tick}</svg>`;
}

/** Parts of a whole, side by side, with a hairline between them. */
export function stack(parts: readonly { readonly name: string; readonly n: number }[]): Markup {
  const total = parts.reduce((sum, part) => sum + part.n, 0);
  if (total === 0)
    return markup`<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" y="2" width="100" height="6"/></svg>`;
  let x = 0;
  const rects = parts
    .filter((part) => part.n > 0)
    .map((part) => {
      const width = (part.n / total) * 100;
      const rect = markup`<rect class="f-${part.name}" x="${round(x)}" y="2" width="${round(Math.max(0.4, width - 0.6))}" height="6"/>`;
      x += width;
      return rect;
    });
  return markup`<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${rects}</svg>`;
}

export function severityStack(counts: Readonly<Record<Severity, number>>): Markup {
  return stack(severitiesDown.map((name) => ({ name, n: counts[name] })));
}

/** From everything found, through what was checked, to the verdicts. Widths share one scale. */
export function funnel(model: ReportModel): Markup {
  const found = model.findings.length;
  const { confirmed, likely, rejected } = model.verdicts;
  const checked = confirmed + likely + rejected;
  if (checked === 0) return nothing;
  const scale = 1000 / found;
  const checkedWidth = checked * scale;
  let x = 0;
  const outcomes = [
    { name: "confirmed", n: confirmed },
    { name: "likely", n: likely },
    { name: "rejected", n: rejected },
  ].filter((part) => part.n > 0);
  const drawn = outcomes.map((part, i) => {
    // The verdicts fan out over the full width so that a small share stays readable; the ribbons show whence they came.
    const from = x * scale;
    const width = part.n * scale;
    const fan = 1000 - (outcomes.length - 1) * 12;
    const at = (x / checked) * fan + i * 12;
    const wide = (part.n / checked) * fan;
    x += part.n;
    return markup`<path class="ribbon f-${part.name}" d="M${round(from)} 84H${round(from + width)}L${round(at + wide)} 130H${round(at)}Z"/><rect class="f-${part.name}" x="${round(at)}" y="130" width="${round(Math.max(2, wide))}" height="14"/>`;
  });
  const drop = markup`<path class="ribbon f-checked" d="M0 24H${round(checkedWidth)}V70H0Z"/>`;
  return markup`<svg class="funnel" viewBox="0 0 1000 144" preserveAspectRatio="none" aria-hidden="true"><rect class="f-unverified" y="10" width="1000" height="14"/><rect class="f-checked" y="10" width="${round(checkedWidth)}" height="14"/>${drop}<rect class="f-checked" y="70" width="${round(Math.max(2, checkedWidth))}" height="14"/>${drawn}</svg>`;
}

export interface FileWeight {
  readonly path: string;
  readonly points: number;
  readonly findings: number;
  readonly severity: Severity;
}

/** Files by what their findings weigh, heaviest first. */
export function fileWeights(findings: readonly VerifiedFinding[]): readonly FileWeight[] {
  const files = new Map<string, { points: number; findings: number; severity: Severity }>();
  for (const finding of findings) {
    const points = pointsOf(finding);
    if (finding.path === "" || points === 0) continue;
    const file = files.get(finding.path) ?? { points: 0, findings: 0, severity: "info" };
    file.points += points;
    file.findings++;
    if (severities.indexOf(finding.severity) > severities.indexOf(file.severity)) file.severity = finding.severity;
    files.set(finding.path, file);
  }
  return [...files].map(([path, file]) => ({ path, ...file })).sort((a, b) => b.points - a.points || (a.path < b.path ? -1 : 1));
}

/** Drawn for one shape of page; the styles show the one that fits. */
export function treemap(files: readonly FileWeight[], shape: "wide" | "narrow", width: number, height: number): Markup {
  const cells = squarify(
    files.map((file) => file.points),
    width,
    height,
  );
  const drawn = cells.map((cell, i) => {
    const file = files[i]!;
    const slash = file.path.lastIndexOf("/") + 1;
    const label = `${cut(file.path, 120)}: ${plural(file.findings, "finding")}, worst ${file.severity}`;
    const percent = (n: number, of: number): string => `${round((n / of) * 100)}%`;
    const letters = Math.max(4, Math.floor((cell.width - 12) / 7.8)); // Bold letters of 12 px are about that wide.
    // A nested svg clips its words and lets them keep their size while the cell stretches with the page.
    const words =
      cell.width < 46 || cell.height < 26
        ? nothing
        : markup`<text x="9" y="17">${cut(file.path.slice(slash), letters)}</text>${cell.height < 44 ? nothing : markup`<text class="dim" x="9" y="32">${count(file.findings)}${cell.width > 120 && slash > 0 ? ` · ${cut(file.path.slice(0, slash), letters - 4)}` : ""}</text>`}`;
    return markup`<a href="#findings" data-filter="${query({ path: visible(file.path) })}"><svg role="img" aria-label="${label}" x="${percent(cell.x, width)}" y="${percent(cell.y, height)}" width="${percent(cell.width, width)}" height="${percent(cell.height, height)}"><title>${label}</title><rect class="cell t-${file.severity}" width="100%" height="100%"/><rect class="f-${file.severity}" width="3" height="100%"/>${words}</svg></a>`;
  });
  return markup`<svg class="treemap ${shape}" role="group" aria-label="Files by the weight of their findings">${drawn}</svg>`;
}

/** Columns with their count above and their name below. */
export function histogram(bins: readonly { readonly name: string; readonly n: number }[]): Markup {
  const max = Math.max(1, ...bins.map((bin) => bin.n));
  return markup`<ol class="hist">${bins.map(({ name, n }) => {
    const height = n === 0 ? 0 : Math.max(1.5, (n / max) * 100);
    return markup`<li><b>${count(n)}</b><svg viewBox="0 0 10 100" preserveAspectRatio="none" aria-hidden="true"><rect class="track" y="99" width="10" height="1"/><rect class="f-column" y="${round(100 - height)}" width="10" height="${round(height)}"/></svg><span>${name}</span></li>`;
  })}</ol>`;
}

/** A change around zero: left is worse, right is better. */
export function deltaBar(delta: number, scale: number): Markup {
  const width = scale === 0 ? 0 : (Math.abs(delta) / scale) * 49;
  const x = delta < 0 ? 50 - width : 50;
  return markup`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" x="0" y="4.5" width="100" height="1"/><rect class="${delta < 0 ? "poor" : "good"}" x="${round(x)}" y="2" width="${round(width)}" height="6"/><rect class="tick" x="49.8" y="0" width=".4" height="10"/></svg>`;
}

/** Names and numbers of a chart's parts, each leading to what it counts. */
export function legend(
  parts: readonly {
    readonly name: string;
    readonly n: number;
    readonly glyph?: string;
    readonly filter?: Readonly<Record<string, string>>;
  }[],
): Markup {
  return markup`<ul class="legend">${parts.map(({ name, n, glyph, filter }) => {
    const content = markup`<i class="c-${name.replace(/ /g, "-")}" aria-hidden="true">${glyph ?? "■"}</i><b>${count(n)}</b> ${name}`;
    return markup`<li>${filter === undefined || n === 0 ? content : filterLink(filter, "findings", content)}</li>`;
  })}</ul>`;
}
