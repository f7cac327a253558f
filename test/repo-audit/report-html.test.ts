import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { renderHtml } from "../../templates/repo-audit/report/html.ts";
import { debtAges } from "../../templates/repo-audit/report/html/debt.ts";
import { markup } from "../../templates/repo-audit/report/html/markup.ts";
import { squarify } from "../../templates/repo-audit/report/html/treemap.ts";
import { reportModel } from "../../templates/repo-audit/report/model.ts";
import { html } from "../../templates/repo-audit/report/text.ts";
import { earlier, hostile, hostileResult, manyFindings, resultOf, sample } from "./report-fixtures/sample.ts";

const page = renderHtml(reportModel(sample, earlier));
const hostilePage = renderHtml(reportModel(hostileResult, sample));

const pages = [
  ["the sample", page],
  ["hostile content", hostilePage],
] as const;

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Reads the tags the strict way in which the report writes them, and fails when any "<" is left over. */
function tagsOf(source: string): readonly Tag[] {
  const tags: Tag[] = [];
  const rest = source
    .replace(/(<(script|style)>)[\s\S]*?(<\/\2>)/g, "$1$3")
    .replace(/<!doctype html>|<\/[a-z][a-z0-9]*>/g, "")
    .replace(/<([a-z][a-z0-9]*)((?:\s+[a-zA-Z][\w:-]*(?:="[^"<>]*")?)*)\s*\/?>/g, (_, name: string, attributes: string) => {
      tags.push({
        name,
        attributes: new Map([...attributes.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map((m) => [m[1]!, m[2] ?? ""])),
      });
      return "";
    });
  expect(rest).not.toMatch(/[<>]/);
  return tags;
}

function policyOf(source: string): string {
  return /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(source)![1]!;
}

describe("report.html", () => {
  it.each(pages)("loads nothing and allows nothing to load: %s", (_, source) => {
    const tags = tagsOf(source);
    const names = new Set(tags.map((tag) => tag.name));
    for (const name of ["img", "image", "iframe", "object", "embed", "video", "audio", "source", "base", "frame"])
      expect(names).not.toContain(name);
    const loading = ["src", "srcset", "action", "formaction", "poster", "xlink:href", "data", "ping", "background"];
    expect(tags.filter((tag) => loading.some((name) => tag.attributes.has(name)))).toEqual([]);
    expect(
      tags
        .filter((tag) => tag.attributes.has("href") && !tag.attributes.get("href")!.startsWith("#"))
        .map((tag) => tag.attributes.get("href")),
    ).toEqual(["data:,"]);
    expect(source).not.toMatch(/@import|url\(/);
    expect(policyOf(source)).toMatch(/^default-src 'none'; script-src /);
    expect(policyOf(source)).not.toContain("unsafe");
  });

  it.each(pages)("names every script and style by its hash, and has no others: %s", (_, source) => {
    const inline = [...source.matchAll(/<(script|style)>([\s\S]*?)<\/\1>/g)];
    expect(inline.map((m) => m[1])).toEqual(["script", "style", "script"]);
    for (const [, , content] of inline)
      expect(policyOf(source)).toContain(`'sha256-${createHash("sha256").update(content!).digest("base64")}'`);
    const tags = tagsOf(source);
    expect(tags.filter((tag) => tag.name === "script" || tag.name === "style")).toHaveLength(3);
    // The policy would refuse either.
    expect(tags.filter((tag) => [...tag.attributes.keys()].some((name) => name === "style" || name.startsWith("on")))).toEqual(
      [],
    );
  });

  it("escapes everything that a finding holds", () => {
    for (const text of [hostile.script, hostile.style, hostile.cdata, hostile.attribute]) expect(hostilePage).not.toContain(text);
    expect(hostilePage).toContain(html(hostile.cdata));
    expect(hostilePage).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\u0000\u001b\ufeff]/u);
    expect(hostilePage.isWellFormed()).toBe(true);
  });

  it("says everything without its script: every finding, gap and decision is in the document", () => {
    const plain = page.replace(/<script>[\s\S]*?<\/script>/g, "");
    expect(plain.match(/<details class="f"/g)).toHaveLength(sample.findings.length);
    for (const f of sample.findings) expect(plain).toContain(html(f.message));
    for (const gap of sample.gaps) expect(plain).toContain(html(gap.what));
    for (const decision of sample.plan) expect(plain).toContain(html(decision.why));
    expect(plain).toContain("$0.00");
  });

  it("has no id twice, even when findings do", () => {
    const twins = renderHtml(reportModel({ ...sample, findings: [...sample.findings, ...sample.findings] }));
    const ids = [...twins.matchAll(/ id="([^"]*)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = [...twins.matchAll(/ href="#([^"]*)"/g)].map((m) => m[1]);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
  });

  it("writes the same bytes for the same input, in any order", () => {
    expect(renderHtml(reportModel({ ...sample, findings: sample.findings.toReversed() }, earlier))).toBe(page);
  });

  it("takes 5,000 findings in its stride", () => {
    const big = manyFindings(5_000);
    const started = performance.now();
    const source = renderHtml(reportModel(big));
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(source.match(/<details class="f"/g)).toHaveLength(5_000);
    expect(source.length).toBeLessThan(8_000_000);
  });

  it("stands up with nothing in it", () => {
    const empty = renderHtml(reportModel(resultOf([])));
    expect(empty).toContain("Nothing was found.");
    expect(empty).not.toContain("NaN");
    expect(page).not.toContain("NaN");
    expect(page).not.toContain("undefined");
  });
});

describe("markup", () => {
  it("escapes what is not markup, wherever it stands", () => {
    expect(markup`<p title="${`"'<`}">${["<b>", markup`<i>${"&"}</i>`, 3, null, false]}</p>`.source).toBe(
      `<p title="&quot;&#39;&lt;">&lt;b&gt;<i>&amp;</i>3</p>`,
    );
  });
});

describe("the map of files", () => {
  it("covers its area without overlap, in proportion to the weights", () => {
    const weights = [40, 22, 22, 9, 5, 1, 1];
    const cells = squarify(weights, 1000, 330);
    const areas = cells.map((cell) => cell.width * cell.height);
    areas.forEach((area, i) => expect(area).toBeCloseTo((weights[i]! / 100) * 330_000, 3));
    cells.forEach((a, i) =>
      cells.slice(i + 1).forEach((b) => {
        const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
        const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
        expect(Math.min(wide, high)).toBeLessThan(1e-6);
      }),
    );
    expect(squarify([], 10, 10)).toEqual([]);
  });
});

describe("the age of debt", () => {
  it("sorts markers by age, and is absent when nobody knows one", () => {
    const bins = debtAges(sample.findings);
    expect(bins?.map((bin) => bin.n)).toEqual([3, 3, 2, 4, 5, 6, 3]);
    expect(debtAges([])).toBeNull();
  });
});
