import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../root.ts";

export interface Fence {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** Words after the language: "run". */
  readonly words: readonly string[];
  readonly text: string;
}

/** Every page that a reader meets. */
export function readPages(): Map<string, string> {
  const paths = ["*.md", "docs/**/*.md", "bench/*.md", "templates/*/README.md", "examples/*/README.md"].flatMap((p) =>
    globSync(p, { cwd: root }),
  );
  return new Map(paths.toSorted().map((path) => [path.replaceAll("\\", "/"), readFileSync(join(root, path), "utf8")]));
}

/** The fenced blocks of a page, in order. */
export function fences(page: string, text: string): Fence[] {
  const found: Fence[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const open = /^(`{3,})(\w*)\s*(.*)$/.exec(lines[i] as string);
    if (!open) continue;
    const end = lines.indexOf(open[1] as string, i + 1);
    if (end < 0) throw new Error(`${page}:${i + 1}: a fence that nothing closes`);
    const words = (open[3] as string).split(/\s+/).filter(Boolean);
    found.push({ page, line: i + 1, language: open[2] as string, words, text: lines.slice(i + 1, end).join("\n") });
    i = end;
  }
  return found;
}

/** Anchors of a page's headings, as GitHub makes them. */
export function anchors(text: string): Set<string> {
  const headings = text.replaceAll(/^(`{3,})[^]*?^\1$/gm, "").matchAll(/^#{1,6} (.+)$/gm);
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
  return new Set([...headings].map((m) => slug((m[1] as string).trim())));
}

/** Links of a page that are not to the web, without those inside code. */
export function localLinks(text: string): { target: string; line: number }[] {
  const prose = text.replaceAll(/^(`{3,})[^]*?^\1$/gm, (block) => block.replaceAll(/[^\n]/g, "")).replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((m) => ({ target: m[1] as string, line: prose.slice(0, m.index).split("\n").length }))
    .filter(({ target }) => !/^[a-z]+:/.test(target));
}
