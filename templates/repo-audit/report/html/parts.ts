import type { Severity } from "../../finding.ts";
import type { VerdictStatus } from "../score.ts";
import { signed } from "../text.ts";
import { markup, type Markup } from "./markup.ts";

/** A shape for every colour, so that nothing is told by colour alone. */
export const severityGlyph: Readonly<Record<Severity, string>> = { high: "▲", medium: "◆", low: "●", info: "○" };
export const verdictGlyph: Readonly<Record<VerdictStatus, string>> = {
  confirmed: "✓",
  likely: "≈",
  unverified: "·",
  rejected: "✕",
};
export const verdictsInOrder = ["confirmed", "likely", "unverified", "rejected"] as const satisfies readonly VerdictStatus[];

export function severityMark(severity: Severity): Markup {
  return markup`<span class="s ${severity}"><i aria-hidden="true">${severityGlyph[severity]}</i>${severity}</span>`;
}

export function verdictMark(status: VerdictStatus): Markup {
  return markup`<span class="v ${status}"><i aria-hidden="true">${verdictGlyph[status]}</i>${status}</span>`;
}

/** A link that the script turns into a filter of the findings; without the script it leads to the place named. */
export function filterLink(
  filter: Readonly<Record<string, string>>,
  anchor: string,
  content: Markup | string,
  label?: string,
): Markup {
  return markup`<a href="#${anchor}" data-filter="${query(filter)}"${label === undefined ? "" : markup` aria-label="${label}"`}>${content}</a>`;
}

/** The same spelling as the script's own hash. */
export function query(filter: Readonly<Record<string, string>>): string {
  return Object.entries(filter)
    .map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`)
    .join("&");
}

/** Directory and name apart, so that a narrow column can cut the directory and keep the name. */
export function pathMark(path: string, line?: number): Markup {
  if (path === "") return markup`<span class="p whole">whole repository</span>`;
  const slash = path.lastIndexOf("/") + 1;
  const at = line === undefined ? "" : `:${line}`;
  return markup`<span class="p" title="${path}${at}"><bdi class="dir">${path.slice(0, slash)}</bdi><bdi class="base">${path.slice(slash)}${at}</bdi></span>`;
}

export function section(id: string, title: string, lead: Markup | string, body: Markup): Markup {
  return markup`<section id="${id}" aria-labelledby="${id}-title"><header><h2 id="${id}-title">${title}</h2><p>${lead}</p></header>${body}</section>`;
}

/** A change of score with its sign, and a word where there was none before. */
export function deltaMark(delta: number | null): Markup {
  if (delta === null) return markup`<span class="soft">new</span>`;
  if (delta === 0) return markup`<span class="zero">±0</span>`;
  return markup`<span class="${delta > 0 ? "up" : "down"}">${signed(delta)}</span>`;
}
