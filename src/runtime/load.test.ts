// Node itself must do the importing here: the test runner compiles what it imports, and so forgives what Node refuses.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isFlotillaError } from "../core/error.ts";
import { findDefinitionFile } from "./load.ts";

const run = promisify(execFile);
const source = dirname(import.meta.dirname);
const agentModule = JSON.stringify(join(source, "client/agent.ts"));
const schema = '{ "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } }';
const definition = (name: string) => `agent({ name: "${name}", input: ${schema}, run: () => 1 })`;
const header = `import { agent } from ${agentModule};\n`;

const files: Readonly<Record<string, string>> = {
  "package.json": '{ "type": "module" }',
  "tsconfig.json": '{ "compilerOptions": { "paths": { "lib/*": ["./*"], /* ours */ "tools": ["./plain.ts"], } } }',
  "good.ts": `${header}export const a = ${definition("a")};\nexport const b = ${definition("b")};\nexport { a as again };\nexport const other = 5;\nexport default a;\n`,
  "fleet.ts": `import { defineFleet } from ${JSON.stringify(join(source, "client/fleet-definition.ts"))};\n${header}export default defineFleet({ definitions: [${definition("f")}] });\n`,
  "plain.ts": "export const x = 1; export interface Shape { a: number }\n",
  "folder/index.ts": "export const x = 1;\n",
  "view.tsx": "export const x = 1;\n",
  "none.ts": "export const x = 1;\n",
  "enum.ts": "export enum Color { red }\n",
  "namespace.ts": "export namespace N { export const a = 1; }\n",
  "property.ts": "export class C { constructor(private x: number) {} }\n",
  "assertion.ts": "export const x = <number>5;\n",
  "decorator.ts": "function d(x: unknown) { return x as never; }\n\n@d\nexport class C {}\n",
  "below.ts": 'export * from "./enum.ts";\n',
  "alias.ts": 'export * from "@/plain.ts";\n',
  "mapped.ts": 'export * from "lib/plain.ts";\n',
  "hash.ts": 'export * from "#plain";\n',
  "package.ts": 'export * from "not-installed";\n',
  "extension.ts": 'export * from "./plain";\n',
  "javascript.ts": 'export * from "./plain.js";\n',
  "directory.ts": 'export * from "./folder";\n',
  "jsx.ts": 'export * from "./view.tsx";\n',
  "jsx-short.ts": 'export * from "./view";\n',
  "missing.ts": 'export * from "./nowhere.ts";\n',
  "type.ts": 'import { Shape } from "./plain.ts";\nexport const x: Shape = { a: 1 };\n',
  "syntax.ts": "export const x = ;\n",
  "throws.ts": 'throw new TypeError("no such key");\n',
  "bad.ts": `${header}export const a = ${definition("a b")};\n`,
};

interface Told {
  readonly names?: readonly string[];
  readonly fleet?: boolean;
  readonly code?: string;
  readonly details?: { readonly file: string; readonly problem: string; readonly fix: string };
}

let folder: string;
let told: Readonly<Record<string, Told>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-load-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  // One process for all of them: a file that is refused leaves no trace in the next.
  const script = `
    import { loadDefinitions } from ${JSON.stringify(join(source, "runtime/load.ts"))};
    const told = {};
    for (const file of ${JSON.stringify([...Object.keys(files), "gone.ts"].filter((f) => /^[a-z-]+\.ts$/.test(f)))}) {
      told[file] = await loadDefinitions(${JSON.stringify(folder)} + "/" + file).then(
        (l) => ({ names: l.definitions.map((d) => d.name), fleet: l.fleet !== null }),
        (e) => ({ code: e.code, details: e.details }),
      );
    }
    console.log(JSON.stringify(told));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  told = JSON.parse(stdout) as Record<string, Told>;
});
afterAll(() => rm(folder, { recursive: true }));

describe("what a file defines", () => {
  test("is what it exports, each once", () => {
    expect(told["good.ts"]).toEqual({ names: ["a", "b"], fleet: false });
  });
  test("is the definitions of its fleet", () => {
    expect(told["fleet.ts"]).toEqual({ names: ["f"], fleet: true });
  });
});

describe("a file that Node refuses is refused with the fix", () => {
  test.each([
    ["none.ts", "none.ts", "exports no agent", "export const greet"],
    ["enum.ts", "enum.ts:1", "enum", "as const"],
    ["namespace.ts", "namespace.ts:1", "namespace", "a file of its own"],
    ["property.ts", "property.ts:1", "parameter property", "constructor's body"],
    ["assertion.ts", "assertion.ts:1", "angle-bracket", "as Type"],
    ["decorator.ts", "decorator.ts:3", "decorators", "call the function"],
    ["below.ts", "enum.ts:1", "enum", "as const"],
    ["alias.ts", "alias.ts", "path alias", "relative path"],
    ["mapped.ts", "mapped.ts", "path alias", "relative path"],
    ["hash.ts", "hash.ts", "#plain", '"imports"'],
    ["package.ts", "package.ts", '"not-installed", which is not installed', "npm install not-installed"],
    ["extension.ts", "extension.ts", "./plain;", '"./plain.ts"'],
    ["javascript.ts", "javascript.ts", "./plain.js;", '"./plain.ts"'],
    ["directory.ts", "directory.ts", "a folder", "index.ts"],
    ["jsx.ts", "jsx.ts", ".tsx", "JSX cannot be stripped"],
    ["jsx-short.ts", "jsx-short.ts", ".tsx", "JSX cannot be stripped"],
    ["missing.ts", "missing.ts", "./nowhere.ts, which is not there", "check the path"],
    ["type.ts", "type.ts:1", "Shape", "import type { Shape }"],
    ["syntax.ts", "syntax.ts:1", "syntax error", "correct it"],
    ["throws.ts", "throws.ts", "TypeError: no such key", "only define"],
    ["gone.ts", "gone.ts", "no such file", "check the path"],
  ])("%s", (name, file, problem, fix) => {
    const { code, details } = told[name] ?? {};
    expect(code).toBe("FLOTILLA_DEFINITION_UNREADABLE");
    expect(details?.file).toBe(join(folder, file));
    expect(details?.problem).toContain(problem);
    expect(details?.fix).toContain(fix);
  });

  test("but a definition that is itself refused tells its own story", () => {
    expect(told["bad.ts"]?.code).toBe("FLOTILLA_CONFIG_INVALID");
  });
});

describe("the file is found", () => {
  test("by its name, by the config's name, by package.json, in this order", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "flotilla-find-"));
    try {
      await expect(findDefinitionFile({ cwd })).rejects.toSatisfy(
        (e) => isFlotillaError(e, "FLOTILLA_DEFINITION_UNREADABLE") && e.details.fix.includes("flotilla.config.ts"),
      );
      await writeFile(join(cwd, "agents.ts"), "");
      await writeFile(join(cwd, "package.json"), '{ "flotilla": "./agents.ts" }');
      expect(await findDefinitionFile({ cwd })).toBe(join(cwd, "agents.ts"));
      await writeFile(join(cwd, "flotilla.config.mjs"), "");
      expect(await findDefinitionFile({ cwd })).toBe(join(cwd, "flotilla.config.mjs"));
      expect(await findDefinitionFile({ cwd, file: "agents.ts" })).toBe(join(cwd, "agents.ts"));
      await expect(findDefinitionFile({ cwd, file: "agent.ts" })).rejects.toThrow("no such file");
    } finally {
      await rm(cwd, { recursive: true });
    }
  });

  test("a package.json that is not JSON, or names a file that is not there, is told", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "flotilla-find-"));
    try {
      await writeFile(join(cwd, "package.json"), "{");
      await expect(findDefinitionFile({ cwd })).rejects.toThrow("it is not JSON");
      await writeFile(join(cwd, "package.json"), '{ "flotilla": "./agents.ts" }');
      await expect(findDefinitionFile({ cwd })).rejects.toThrow("no such file");
    } finally {
      await rm(cwd, { recursive: true });
    }
  });
});
