import type { ReportModel } from "../model.ts";
import { count } from "../text.ts";
import { funnel, legend } from "./charts.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { section, verdictGlyph, verdictsInOrder } from "./parts.ts";

const REASONS_SHOWN = 8;

/** Nothing at all when nothing was checked: an empty funnel would suggest that it was. */
export function verificationSection(model: ReportModel): Markup {
  const { confirmed, likely, rejected } = model.verdicts;
  const checked = confirmed + likely + rejected;
  if (checked === 0) return nothing;
  const parts = verdictsInOrder.map((name) => ({
    name,
    n: model.verdicts[name],
    glyph: verdictGlyph[name],
    filter: { verdict: name },
  }));
  return section(
    "verification",
    "Verification",
    "Every finding from medium up is checked again by a method that shares no code with the first.",
    markup`<div class="flow">
<div><div class="path">
<ol><li><b>${count(model.findings.length)}</b> found</li><li><b>${count(checked)}</b> checked</li><li><b>${count(confirmed + likely)}</b> held</li></ol>
${funnel(model)}
</div>${legend(parts)}</div>
<div>${reasons(model)}</div>
</div>`,
  );
}

function reasons({ rejections }: ReportModel): Markup {
  if (rejections.length === 0) return markup`<p class="soft">Nothing was rejected.</p>`;
  const rest = rejections.slice(REASONS_SHOWN).reduce((sum, r) => sum + r.count, 0);
  const others = rest === 0 ? nothing : markup`<tr><td class="soft">other reasons</td><td class="n">${count(rest)}</td></tr>`;
  const rows = rejections
    .slice(0, REASONS_SHOWN)
    .map((r) => markup`<tr><td>${r.reason}</td><td class="n">${count(r.count)}</td></tr>`);
  return markup`<table>
<thead><tr><th scope="col">Why rejected</th><th scope="col" class="n">Findings</th></tr></thead>
<tbody>${rows}${others}</tbody>
</table>`;
}
