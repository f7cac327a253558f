import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import { describe, expect, it } from "vitest";
import type { VerifiedFinding } from "../../templates/repo-audit/finding.ts";
import { renderMarkdown } from "../../templates/repo-audit/report/markdown.ts";
import { reportModel } from "../../templates/repo-audit/report/model.ts";
import { md, mdCode } from "../../templates/repo-audit/report/text.ts";
import { earlier, finding, hostile, hostileResult, manyFindings, resultOf, sample } from "./report-fixtures/sample.ts";

interface Node {
  readonly type: string;
  readonly value?: string;
  readonly children?: readonly Node[];
}
const parse = (text: string): Node => fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
const all = (node: Node): readonly Node[] => [node, ...(node.children ?? []).flatMap(all)];
const words = (node: Node): string =>
  all(node)
    .map((n) => n.value ?? "")
    .join("");

describe("report.md", () => {
  const report = renderMarkdown(reportModel(sample, earlier));

  it("tells grade, gate, scores, actions, changes, findings, rejections, gaps and how it was made", () => {
    expect([...report.matchAll(/^## (.+)$/gm)].map((m) => m[1])).toEqual([
      "Scores",
      "What to do first",
      "Since the last run",
      "Findings",
      "Rejected by the second method",
      "Gaps",
      "How this was made",
    ]);
    expect(report).toContain("**Grade C, 72 of 100**, −4 since the last run.");
    expect(report).toContain("**Gate failed.**");
    expect(report).toContain("**Weak copyleft: MPL-2.0 ×11**");
    expect(report).toContain("11 new, 18 fixed, 230 unchanged");
    expect(report).toContain("| The target is a route of the documentation site at docs/site. | 14 |");
    expect(report).toContain("FLOTILLA\\_TASK\\_QUARANTINED");
    expect(report).toContain("231 tasks in 120 shards (96 reused, 1,802 of 1,954 files unchanged) on 12 workers, 41.3 s, $0.00.");
  });

  it("folds long lists away and keeps every table whole", () => {
    const tree = parse(report);
    const tables = all(tree).filter((n) => n.type === "table");
    expect(tables).toHaveLength(4);
    for (const table of tables) expect(new Set(table.children!.map((row) => row.children!.length)).size).toBe(1);
    expect(report.match(/<details>/g)!.length).toBe(report.match(/<\/details>/g)!.length);
    expect(report).toContain("<details><summary>103 more findings</summary>");
  });

  it("leaves open what alone sets reasons apart", () => {
    const draft = { dimension: "tests", rule: "untested", severity: "medium", message: "m", fix: "f", evidence: "e" } as const;
    const because = (path: string, reason: string): VerifiedFinding =>
      finding({ ...draft, path, verdict: { status: "rejected", method: "imports", reason } });
    const model = reportModel(
      resultOf([
        because("a.ts", "Tests reach it through src/index.ts."),
        because("b.ts", "Tests reach it through main.ts."),
        because("c.ts", 'Only "x" of 3 names.'),
      ]),
    );
    expect(model.rejections).toEqual([
      { reason: "Tests reach it through ….", count: 2 },
      { reason: 'Only "x" of 3 names.', count: 1 },
    ]);
  });

  it("lets no finding make markup: no link, image, HTML, heading or emphasis of its own", () => {
    const tree = parse(renderMarkdown(reportModel(hostileResult, sample)));
    const nodes = all(tree);
    expect(
      nodes.filter((n) => ["link", "image", "linkReference", "definition", "footnoteReference", "delete"].includes(n.type)),
    ).toEqual([]);
    const own = /^(<details>|<summary>|<\/summary>|<\/details>|<details><summary>\d+ more( finding)?s?<\/summary>)$/;
    expect(nodes.filter((n) => n.type === "html" && !own.test(n.value ?? ""))).toEqual([]);
    expect(nodes.filter((n) => n.type === "heading")).toHaveLength(9);
    const code = nodes.filter((n) => n.type === "inlineCode").map((n) => n.value);
    expect(code).toContain(`${hostile.cdata}:3`);
  });

  it("shows what it escaped as it was", () => {
    for (const text of [hostile.script, hostile.cdata, hostile.entities, hostile.url, "1. one", "- a", "# h", "a_b*c*~d~ $x$"])
      expect(words(parse(md(text)))).toBe(text);
    expect(words(parse(mdCode("a ``b` c`")))).toBe("a ``b` c`");
  });

  it("spells out what cannot be seen", () => {
    const hostileReport = renderMarkdown(reportModel(hostileResult));
    expect(hostileReport).toContain("⟨U+202E⟩");
    expect(hostileReport).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\u0000\u001b\ufeff]/u);
  });

  it("says so when there is nothing to say", () => {
    expect(renderMarkdown(reportModel(resultOf([])))).toContain("Nothing was audited.");
    expect(renderMarkdown(reportModel(resultOf([])))).toContain("None: all planned work finished.");
  });

  it("writes the same bytes for the same input", () => {
    const shuffled = { ...sample, findings: sample.findings.toReversed() };
    expect(renderMarkdown(reportModel(shuffled, earlier))).toBe(report);
    expect(renderMarkdown(reportModel(manyFindings(5_000))).length).toBeGreaterThan(100_000);
  });
});
