import { expect, test } from "vitest";
import { checkCommands } from "./commands.ts";
import { anchors, fences, localLinks } from "./markdown.ts";

const page = [
  "# Errors and `codes`",
  "See [limits](limits.md#sizes), [the web](https://example.org) and `[not](a-link.md)`.",
  "```ts run",
  'console.log("[no](link.md)");',
  "```",
  "```text",
  "# not a heading",
  "```",
  "## FLOTILLA_TOO_LARGE",
].join("\n");

test("fences carry their language, words and line", () => {
  expect(fences("p.md", page)).toEqual([
    { page: "p.md", line: 3, language: "ts", words: ["run"], text: 'console.log("[no](link.md)");' },
    { page: "p.md", line: 6, language: "text", words: [], text: "# not a heading" },
  ]);
  expect(() => fences("p.md", "```ts\nopen")).toThrow("p.md:1: a fence that nothing closes");
});

test("anchors are what GitHub makes of headings", () => {
  expect([...anchors(page)]).toEqual(["errors-and-codes", "flotilla_too_large"]);
});

test("links in code are not links", () => {
  expect(localLinks(page)).toEqual([{ target: "limits.md#sizes", line: 2 }]);
});

test("a command that does not exist is found with its line", () => {
  const told = checkCommands(fences("p.md", "```sh\nnpm install && npm run no-such-script  # note\nfrobnicate\n```"));
  expect(told.checked).toBe(3);
  expect(told.problems).toEqual([
    "p.md:2 npm run no-such-script: package.json has no such script",
    "p.md:3 frobnicate: a command that this check does not know",
  ]);
});
