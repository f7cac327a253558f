import type { Action } from "../actions.ts";
import { dimensionText } from "../dimensions.ts";
import type { ReportModel } from "../model.ts";
import { count, cut, plural } from "../text.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { filterLink, section, severityMark } from "./parts.ts";

const PATHS_SHOWN = 3;

export function actionsSection({ actions }: ReportModel): Markup {
  if (actions.length === 0) return section("actions", "What to do first", "Nothing: no finding stands.", nothing);
  return section(
    "actions",
    "What to do first",
    "Worst first, equal findings together. The number is what the dimension's score gains.",
    markup`<ol class="actions">${actions.map(item)}</ol>`,
  );
}

function item(action: Action, i: number): Markup {
  const { label } = dimensionText[action.dimension];
  const title = filterLink({ action: String(i + 1) }, `d-${action.dimension}`, markup`<bdi>${cut(action.title, 200)}</bdi>`);
  const times = action.count > 1 ? markup`<b>×${count(action.count)}</b>` : nothing;
  const gain = markup`<b${action.gain > 0 ? nothing : markup` class="zero"`}>+${action.gain}</b>`;
  return markup`<li><span class="rank">${i + 1}</span>
<div><p class="what">${title}${times}</p><p class="how"><bdi>${cut(action.fix, 300)}</bdi></p>${places(action.paths)}</div>
<div class="worth">${gain}<small>${label}</small>${severityMark(action.severity)}</div></li>
`;
}

function places(paths: readonly string[]): Markup {
  if (paths.length === 0) return nothing;
  const shown = paths.slice(0, PATHS_SHOWN).map((path) => markup`<span title="${path}"><bdi>${cut(path, 100)}</bdi></span> `);
  const rest = paths.length - PATHS_SHOWN;
  return markup`<p class="where">${shown}${rest > 0 ? markup`<span>and ${plural(rest, "more file")}</span>` : nothing}</p>`;
}
