import { reasons } from "../../src/core/reason.ts";

/** docs/reference/reasons.md */
export function reasonsPage(): string {
  const rows = Object.entries(reasons).map(([code, text]) => `| \`${code}\` | ${text} |`);
  return `# Reasons

Why a task is not running now. The same words in the API, on the command line and over HTTP, each with what to do next.

| reason | meaning |
|---|---|
${rows.join("\n")}
`;
}
