// Links, headings and anchors of a Markdown document, from its syntax tree.

import type { Nodes } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";

export const markdownBytesMax = 512 * 1024;
// Lists and quotes nested n deep take the parser time cubic in n: 300 levels took 1.2 s.
const indentMax = 200;

export interface MarkdownLink {
  readonly url: string;
  readonly text: string;
  readonly line: number;
  readonly image: boolean;
}

export interface MarkdownFacts {
  readonly links: readonly MarkdownLink[];
  readonly headings: readonly string[];
  /** Raw HTML, where anchors may be. */
  readonly html: readonly string[];
  readonly inlineCode: readonly string[];
  /** Starts with a metadata block, as pages of docs sites do. */
  readonly frontMatter: boolean;
}

export class UnparsableMarkdownError extends Error {
  readonly code = "UNPARSABLE_MARKDOWN";
}

function assertParsable(path: string, text: string): void {
  if (text.length > markdownBytesMax)
    throw new UnparsableMarkdownError(`${path} cannot be parsed: longer than ${markdownBytesMax} characters`);
  for (const line of text.split("\n")) {
    const prefix = /^[\s>*+-]*/.exec(line)?.[0] ?? "";
    // A ruler of dashes is long, too, but it is not nested.
    if (prefix.length > indentMax && prefix.length < line.trimEnd().length) {
      throw new UnparsableMarkdownError(`${path} cannot be parsed: nested deeper than ${indentMax} columns`);
    }
    if ((line.match(/>/g)?.length ?? 0) > indentMax && /^[\s>]*$/.test(line)) {
      throw new UnparsableMarkdownError(`${path} cannot be parsed: quotes nested deeper than ${indentMax}`);
    }
  }
}

function textOf(node: Nodes): string {
  if ("value" in node) return node.value;
  return "children" in node ? node.children.map(textOf).join("") : "";
}

export function readMarkdown(path: string, text: string): MarkdownFacts {
  assertParsable(path, text);
  const tree = fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const links: MarkdownLink[] = [];
  const headings: string[] = [];
  const html: string[] = [];
  const inlineCode: string[] = [];
  const visit = (node: Nodes): void => {
    const line = node.position?.start.line ?? 1;
    if (node.type === "link") links.push({ url: node.url, text: textOf(node), line, image: false });
    else if (node.type === "image") links.push({ url: node.url, text: node.alt ?? "", line, image: true });
    else if (node.type === "definition") links.push({ url: node.url, text: node.label ?? node.identifier, line, image: false });
    else if (node.type === "heading") headings.push(textOf(node));
    else if (node.type === "html") html.push(node.value);
    else if (node.type === "inlineCode") inlineCode.push(node.value);
    if ("children" in node) node.children.forEach(visit);
  };
  visit(tree);
  return {
    links,
    headings,
    html,
    inlineCode,
    frontMatter: /^---\r?\n[\s\S]{0,4000}?\n---\r?\n/.test(text) || /^\+\+\+\r?\n/.test(text),
  };
}
