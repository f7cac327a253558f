import type { ReportModel } from "../model.ts";
import { count, plural } from "../text.ts";
import { fileWeights, histogram, treemap } from "./charts.ts";
import { debtAges } from "./debt.ts";
import { markup, nothing, type Markup } from "./markup.ts";
import { section } from "./parts.ts";

/** Cells in the map of files: more would be too small to name. */
const MAP_FILES = { wide: 28, narrow: 12 };

export function mapSection(model: ReportModel): Markup {
  const files = fileWeights(model.counted);
  if (files.length === 0) return nothing;
  const note =
    files.length > MAP_FILES.wide
      ? markup`<p class="note">The heaviest of ${plural(files.length, "file")} with findings. Each leads to its findings.</p>`
      : nothing;
  return section(
    "map",
    "Where it gathers",
    "Files by the weight of their findings; the colour is the worst severity.",
    markup`${treemap(files.slice(0, MAP_FILES.wide), "wide", 1000, 330)}
${treemap(files.slice(0, MAP_FILES.narrow), "narrow", 360, 440)}${note}`,
  );
}

export function debtSection(model: ReportModel): Markup {
  const bins = debtAges(model.counted);
  if (bins === null) return nothing;
  const old = bins.slice(-2).reduce((sum, bin) => sum + bin.n, 0);
  const lead = `When the markers were written${old === 0 ? "" : `: ${count(old)} of them more than two years ago`}.`;
  return section("debt", "Age of debt", lead, histogram(bins));
}
