// What each row and each index of the SQLite schema costs: `node bench/schema.ts [--quick]` writes bench/schema.md.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./harness/bench.ts";
import { machine } from "./harness/machine.ts";
import { measure, type Load } from "./schema/measure.ts";
import { rowKinds, type RowKind } from "./schema/rows.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = globSync("src/store/sqlite/migrations/*.sql", { cwd: root }).toSorted();
const migrations = files.map((f) => readFileSync(join(root, f), "utf8")).join("\n");
const quick = process.argv.includes("--quick");
const rows = quick ? 5_000 : 100_000;
const rounds = quick ? 1 : 5;

const folder = join(root, "reports", `schema-${process.pid}`);
mkdirSync(folder, { recursive: true });
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

let made = 0;
/** The medians of loads that take turns, so that all of them see the same minutes of the machine. */
function compare(loads: readonly Omit<Load, "rows">[]): number[] {
  const measured = loads.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, load] of loads.entries()) {
      const path = join(folder, `${++made}.db`);
      measured[i]?.push(measure(path, migrations, { rows, ...load }));
      for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
    }
  }
  return measured.map(median);
}

const us = (n: number): string => n.toFixed(1);

/** Every index that a migration creates, with the kinds of row that it can hold. */
function indexes(): { name: string; kinds: RowKind[]; partial: string }[] {
  return [...migrations.matchAll(/create (?:unique )?index (\w+) on (\w+) \([^)]*\)(?: where ([^;]+))?;/gi)].map((m) => {
    const [, name, table, where = ""] = m as unknown as [string, string, string, string?];
    const kinds = (Object.keys(rowKinds) as RowKind[]).filter((k) => rowKinds[k].table === table);
    return { name, partial: where, kinds: kinds.filter((k) => fits(k, where)) };
  });
}

function fits(kind: RowKind, where: string): boolean {
  if (/parent is not null/i.test(where)) return kind === "task, a child";
  return /parent is null/i.test(where) ? kind === "task, a root" : true;
}

const parts: string[] = [];

const kinds = Object.keys(rowKinds) as RowKind[];
const rowCosts = compare(kinds.map((kind) => ({ kind })));
parts.push(`## Rows

| row | us |
|---|---:|
${kinds.map((kind, i) => `| ${kind} | ${us(rowCosts[i] as number)} |`).join("\n")}

A task that is started, claimed and settled writes a \`task\`, a \`ready\` (unless it is claimed at once), a \`running\` and an
\`outcome\` row. A child adds one \`event\` row: its line above is what that costs.`);

const indexRows = indexes().flatMap(({ name, kinds: held }) =>
  held.map((kind) => {
    const [withIt, without] = compare([{ kind }, { kind, change: `drop index ${name}` }]) as [number, number];
    return `| \`${name}\` | ${kind} | ${us(withIt)} | ${us(without)} | ${us(withIt - without)} |`;
  }),
);
parts.push(`## Indexes

| index | row | with | without | costs |
|---|---|---:|---:|---:|
${indexRows.join("\n")}`);

const random = "create index tried on task";
const tried: readonly (readonly [string, Omit<Load, "rows">])[] = [
  ["as it is", { kind: "task, a child" }],
  ["a column with a random id, indexed", { kind: "task, a child", change: `${random} (input_hash)` }],
  [
    "the journal by key instead of by act",
    { kind: "task, a child", change: "drop index task_journal; create unique index tried on task (parent, key)" },
  ],
];
const triedCosts = compare(tried.map(([, load]) => load));
parts.push(`## Indexes that are not there

A child's row, 100,000 of them under one parent.

| schema | us |
|---|---:|
${tried.map(([name], i) => `| ${name} | ${us(triedCosts[i] as number)} |`).join("\n")}`);

const chunks = [1, 4, 16, 32, 64];
const chunkCosts = compare(chunks.map((perStatement) => ({ kind: "ready" as const, perStatement })));
parts.push(`## Rows of one statement

\`ready\` rows.

| rows a statement | us a row |
|---:|---:|
${chunks.map((n, i) => `| ${n} | ${us(chunkCosts[i] as number)} |`).join("\n")}`);

const facts = Object.entries(machine())
  .map(([k, v]) => `${k} ${String(v)}`)
  .join(", ");
const page = `# What the schema costs

\`node bench/schema.ts\` wrote this on ${new Date().toISOString().slice(0, 10)}: ${files.length} migration${files.length === 1 ? "" : "s"},
${rows.toLocaleString("en")} rows into a new file, 512 a commit, 16 a statement, synchronous=FULL; medians of ${rounds} interleaved
rounds. ${facts}.

${parts.join("\n\n")}
`;
if (quick) console.log(page);
else {
  writeFileSync(join(root, "bench/schema.md"), page);
  console.log("wrote bench/schema.md");
}
