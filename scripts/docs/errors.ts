import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { examples } from "../../src/cli/explain/examples.ts";
import { catalogue } from "../../src/core/error-catalogue.ts";
import type { ErrorCode } from "../../src/core/error-catalogue.ts";
import { root } from "../root.ts";

/** Codes that the catalogue keeps for later and that nothing throws yet: the page leaves them out. */
function isThrown(code: ErrorCode): boolean {
  return throwers.includes(`"${code}"`);
}
const source = readFileSync(join(root, "src/core/error-catalogue.ts"), "utf8");

/** All code that may throw; types and the catalogue itself name every code. */
const throwers = globSync("src/**/*.ts", { cwd: root })
  .filter((f) => !/\.test\.ts$|core.(error-catalogue|settled)\.ts$|cli.explain/.test(f))
  .map((f) => readFileSync(join(root, f), "utf8"))
  .join("\n");

/** docs/reference/errors.md */
export function errorsPage(): string {
  const codes = (Object.keys(catalogue) as ErrorCode[]).filter(isThrown).toSorted();
  const rows = codes.map((code) => `| [${code}](#${code.toLowerCase()}) | ${catalogue[code].title} | ${word(code)} |`);
  return `# Errors

Every error of Flotilla has a \`code\` that stays the same, a \`title\`, the facts (\`why\`), what to do (\`fix\`), typed
\`details\`, and \`retryable\`: true when the same call may succeed later without a change. \`isFlotillaError(e, code)\` narrows
\`e\` to the details of that code. What an agent declares in \`errors\` arrives as \`FLOTILLA_DECLARED\` with its name and data.

| code | title | retry |
|---|---|---|
${rows.join("\n")}

${codes.map(section).join("\n")}`;
}

function word(code: ErrorCode): string {
  return catalogue[code].retryable ? "may help" : "will not help";
}

function section(code: ErrorCode): string {
  const entry = catalogue[code] as { title: string; why(d: unknown): string; fix(d: unknown): readonly string[] };
  const details = examples[code];
  return `## ${code}

${entry.title}. Trying again ${word(code)}. \`details\`: \`${detailsType(code)}\`

> ${entry.title}: ${entry.why(details)}

${entry
  .fix(details)
  .map((f) => `- ${f}`)
  .join("\n")}
`;
}

/** The type of the details as the catalogue writes it. */
function detailsType(code: ErrorCode): string {
  const type = new RegExp(`^ {2}${code}: (\\{[^}]*\\});$`, "m").exec(source)?.[1];
  if (type === undefined) throw new Error(`no details type of ${code} in src/core/error-catalogue.ts: keep it on one line`);
  return type.replace("Schema.Issue", "StandardSchemaV1.Issue");
}
