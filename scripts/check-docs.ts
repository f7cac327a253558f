// Fails when the docs say what is not so: examples that do not compile or run, commands and links that lead nowhere.
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { checkCommands } from "./docs/commands.ts";
import { checkExamples } from "./docs/examples.ts";
import { anchors, fences, localLinks, readPages } from "./docs/markdown.ts";
import { root } from "./root.ts";

const pages = readPages();
const blocks = [...pages].flatMap(([page, text]) => fences(page, text));

const examples = checkExamples(blocks);
const commands = checkCommands(blocks);
const links = checkLinks();

const problems = [...examples.problems, ...commands.problems, ...links.problems];
for (const problem of problems) console.error(problem);
console.log(
  `docs: ${pages.size} pages, ${examples.compiled} examples compiled, ${examples.ran} run, ${commands.checked} commands, ${links.checked} links; ` +
    (problems.length === 0 ? "all as written" : `${problems.length} to mend`),
);
process.exitCode = problems.length === 0 ? 0 : 1;

function checkLinks(): { checked: number; problems: string[] } {
  const found: string[] = [];
  let checked = 0;
  for (const [page, text] of pages) {
    for (const { target, line } of localLinks(text)) {
      checked++;
      const [path, anchor] = target.split("#") as [string, string?];
      const file = path === "" ? page : normalize(join(dirname(page), path)).replaceAll("\\", "/");
      if (!existsSync(join(root, file))) found.push(`${page}:${line} links to ${target}, which does not exist`);
      else if (anchor && pages.has(file) && !anchors(pages.get(file) as string).has(anchor)) {
        found.push(`${page}:${line} links to ${target}: no such heading`);
      }
    }
  }
  return { checked, problems: found };
}
