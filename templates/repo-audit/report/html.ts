import { createHash } from "node:crypto";
import { headline } from "./headline.ts";
import { changesSection } from "./html/changes.ts";
import { clientScript, themeScript } from "./html/client.ts";
import { gapsSection, makingSection } from "./html/closing.ts";
import { findingsSection } from "./html/findings.ts";
import { debtSection, mapSection } from "./html/gathering.ts";
import { Markup, markup, nothing } from "./html/markup.ts";
import { masthead, verdictStrip } from "./html/masthead.ts";
import { scoresSection } from "./html/scores.ts";
import { styles } from "./html/styles.ts";
import { actionsSection } from "./html/todo.ts";
import { verificationSection } from "./html/verification.ts";
import type { ReportModel } from "./model.ts";
import { count } from "./text.ts";

/** `report.html`: one file that loads nothing, complete without its script. */
export function renderHtml(model: ReportModel): string {
  const { repo, runId } = model.result;
  const sections = [
    { id: "scores", name: "Scores", body: scoresSection(model) },
    { id: "actions", name: "What to do first", body: actionsSection(model) },
    { id: "changes", name: "Since last run", body: changesSection(model) },
    { id: "verification", name: "Verification", body: verificationSection(model) },
    { id: "map", name: "Where it gathers", body: mapSection(model) },
    { id: "debt", name: "Age of debt", body: debtSection(model) },
    { id: "findings", name: "Findings", n: model.counted.length, body: findingsSection(model) },
    { id: "gaps", name: "Gaps", n: model.result.gaps.length, body: gapsSection(model) },
    { id: "making", name: "How it was made", body: makingSection(model) },
  ].filter((s) => s.body !== nothing);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(contentPolicy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="description" content="${headline(model)}">
<title>${repo.name}: repository audit</title>
<link rel="icon" href="data:,">
<script>${new Markup(themeScript)}</script>
<style>${new Markup(styles)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<div class="page">
${masthead(model)}
${verdictStrip(model)}
<nav aria-label="Sections">${sections.map((s) => markup`<a href="#${s.id}">${s.name}${s.n === undefined ? nothing : markup` <b>${count(s.n)}</b>`}</a>`)}</nav>
<main id="main">
${sections.map((s) => s.body)}
</main>
<footer>Flotilla repo-audit, run ${runId}. Machine-readable: findings.json and findings.sarif beside this file.</footer>
</div>
<script>${new Markup(clientScript)}</script>
</body>
</html>
`.source;
}

/** Nothing may load, and only what this very file carries may run: each part is named by its hash. */
const contentPolicy = [
  "default-src 'none'",
  `script-src ${hashOf(themeScript)} ${hashOf(clientScript)}`,
  `style-src ${hashOf(styles)}`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function hashOf(content: string): string {
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}
