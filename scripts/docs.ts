// Writes the pages that the code dictates: `node scripts/docs.ts`. With `--check` it writes nothing and fails when a page is old.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorsPage } from "./docs/errors.ts";
import { httpApiPage } from "./docs/http-api.ts";
import { limitsPage, unreadBounds } from "./docs/limits.ts";
import { protocolSchema } from "./docs/protocol.ts";
import { reasonsPage } from "./docs/reasons.ts";
import { root } from "./root.ts";

const pages: Readonly<Record<string, () => string>> = {
  "docs/reference/errors.md": errorsPage,
  "docs/reference/http-api.md": httpApiPage,
  "docs/reference/limits.md": limitsPage,
  "docs/reference/reasons.md": reasonsPage,
  "docs/reference/worker-protocol.schema.json": protocolSchema,
};
const note = "<!-- Written by `npm run docs` from the code. Change it there. -->\n\n";

const check = process.argv.includes("--check");
let old = 0;
for (const [path, page] of Object.entries(pages)) {
  const file = join(root, path);
  const text = path.endsWith(".md") ? note + page() : page();
  if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
  if (check) {
    console.error(`${path} is not what the code says\n  fix: npm run docs`);
    old++;
  } else {
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
const unread = unreadBounds();
for (const key of unread)
  console.error(
    `bounds.${key} is read by no code, so nobody enforces it\n  fix: check it at the door, or take it out of src/core/bounds.ts`,
  );
if (check) {
  if (old === 0 && unread.length === 0) console.log(`docs: ${Object.keys(pages).length} generated pages are as the code says`);
  process.exitCode = old + unread.length === 0 ? 0 : 1;
}
