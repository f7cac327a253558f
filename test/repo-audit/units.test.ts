// Small tests of the parts that rules are made of.

import { describe, expect, it } from "vitest";
import { lineage, readDockerfile } from "../../templates/repo-audit/ci/dockerfile.ts";
import { readWorkflow } from "../../templates/repo-audit/ci/workflow.ts";
import { isExamplePath, isGeneratedText, isMinified, isTestPath, isVendoredPath } from "../../templates/repo-audit/classify.ts";
import { findGenerated } from "../../templates/repo-audit/generated.ts";
import { parseJsonc } from "../../templates/repo-audit/json.ts";
import { familyOfText, licencesIn, readLicence } from "../../templates/repo-audit/licences/policy.ts";
import { pathPart, targetOf } from "../../templates/repo-audit/link-target.ts";
import { readMarkdown } from "../../templates/repo-audit/markdown.ts";
import { createPathIndex } from "../../templates/repo-audit/path-index.ts";
import { checksumOf, judge } from "../../templates/repo-audit/secrets/judge.ts";
import { findCandidates, redact } from "../../templates/repo-audit/secrets/rules.ts";
import { packageNameOf } from "../../templates/repo-audit/source/graph.ts";
import { readModule } from "../../templates/repo-audit/source/module.ts";
import { resolveFile } from "../../templates/repo-audit/source/resolve-file.ts";

const index = (...paths: readonly string[]) =>
  createPathIndex(paths.map((path) => ({ path, kind: "file", bytes: 1, tracked: true })));
const now = new Date("2026-01-01");

describe("poison", () => {
  // The native parser would take the whole process down.
  it.each([
    ["brackets", `x = ${"(".repeat(100_000)}`],
    ["operators", `x = ${"!".repeat(100_000)}1`],
    ["sums", `x = ${"1+".repeat(100_000)}1`],
    ["arrows", `x = ${"a=>".repeat(100_000)}1`],
  ])("in a script, %s without end, is refused with a clear error", (_, text) => {
    expect(() => readModule("poison.ts", text)).toThrow(/poison\.ts cannot be parsed/);
  });

  it("in Markdown is refused before it takes minutes", () => {
    const nested = Array.from({ length: 2_000 }, (_, at) => `${" ".repeat(at)}- a`).join("\n");
    expect(() => readMarkdown("poison.md", nested)).toThrow(/poison\.md cannot be parsed/);
    expect(() => readMarkdown("poison.md", ">".repeat(5_000))).toThrow(/poison\.md cannot be parsed/);
    expect(readMarkdown("ruler.md", `# A\n\n${"-".repeat(500)}\n`).headings).toEqual(["A"]);
  });

  it("in YAML is refused", () => {
    expect(() => readWorkflow("poison.yml", `a: ${"[".repeat(50_000)}`)).toThrow(/poison\.yml cannot be parsed/);
    // Aliases are never expanded, so that a bomb is just a small tree.
    const bomb = `a: &a [x]\n${"bcdefghi"
      .split("")
      .map((key, at) => `${key}: &${key} [${`*${"abcdefgh"[at]},`.repeat(9)}]`)
      .join("\n")}\n`;
    expect(readWorkflow("bomb.yml", bomb).jobs).toEqual([]);
  });
});

describe("long adverse text", () => {
  it.each([
    "secret_",
    "token=",
    "a-",
    "://a",
    'api_key: "',
    "-----BEGIN PRIVATE KEY-----\n",
    "eyJ",
    "password='hV9tQ2mZr7xKw4LpB8nY' ",
  ])("of %j is scanned in time", (unit) => {
    const started = performance.now();
    findCandidates(`${unit.repeat(300_000 / unit.length)} secret token :// eyJ`);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it("of slashes between a comment and its code is read in time", () => {
    const text = `/** Far away. */\n${"/".repeat(120)}\nconst x = 1;\nexport function a() {}\n`;
    expect(readModule("a.ts", text).exports).toMatchObject([{ name: "a", documented: false }]);
  });
});

describe("a module", () => {
  const facts = readModule(
    "a.ts",
    [
      "/** Says hello. */",
      "export function hello(a: number): number;",
      "export function hello(a: string): string;",
      "export function hello(a: unknown) { return a && 1 ? 2 : 3; }",
      "export const bye = () => { for (const x of []) if (x) return x; };",
      "function later() {}",
      "/** Documented where it stands. */",
      "class Thing {}",
      "export { later, Thing };",
      'import type { T } from "types";',
      'import { type U } from "types-too";',
      'const lazy = import("lazy");',
      'try { require("maybe"); } catch {}',
      'export * from "./all.ts";',
      'export { one as two } from "./one.ts";',
      'const text = "// TODO: in a string";',
      "// TODO: in a comment",
    ].join("\n"),
  );

  it("has exports with their comments, overloads counted once", () => {
    expect(facts.exports.map(({ name, kind, documented }) => [name, kind, documented])).toEqual([
      ["hello", "function", true],
      ["bye", "function", false],
      ["later", "function", false],
      ["Thing", "class", true],
      ["two", "unknown", false],
    ]);
    expect(facts.exportAll).toEqual(["./all.ts"]);
  });

  it("has imports, hard ones apart from optional ones and types", () => {
    const imports = new Map(facts.imports.map((each) => [each.specifier, each]));
    expect(imports.get("types")?.typeOnly).toBe(true);
    expect(imports.get("types-too")?.typeOnly).toBe(true);
    expect(imports.get("lazy")?.optional).toBe(true);
    expect(imports.get("maybe")?.optional).toBe(true);
    expect(imports.get("./one.ts")?.typeOnly).toBe(false);
  });

  it("has functions with their complexity, and comments but no strings", () => {
    expect(facts.functions.map(({ name, complexity }) => [name, complexity])).toEqual(
      expect.arrayContaining([
        ["hello", 3],
        ["bye", 3],
      ]),
    );
    expect(facts.comments.filter((comment) => comment.text.includes("TODO")).map((comment) => comment.line)).toEqual([17]);
  });

  it("may hold JSX in a plain .js file", () => {
    expect(readModule("a.js", 'import React from "react";\nexport const A = () => <div>{1}</div>;\n').imports).toMatchObject([
      { specifier: "react" },
    ]);
  });
});

describe("imports resolve", () => {
  it("to the source that an ending stands for", () => {
    const paths = index("src/a.ts", "src/b/index.tsx", "src/c.d.ts", "src/d.mts");
    expect(["src/a.js", "src/a", "src/b", "src/c.js", "src/d.mjs", "src/none"].map((path) => resolveFile(path, paths))).toEqual([
      "src/a.ts",
      "src/a.ts",
      "src/b/index.tsx",
      "src/c.d.ts",
      "src/d.mts",
      null,
    ]);
  });

  it("to the name of a package", () => {
    expect(["react", "react/jsx-runtime", "@scope/name/deep", "@/alias"].map(packageNameOf)).toEqual([
      "react",
      "react",
      "@scope/name",
      null,
    ]);
  });
});

describe("links", () => {
  const setting = {
    paths: index("docs/a.md", "docs/img/x.png", "site/docs/02-guide.md", "site/static/logo.png", "src/a.ts"),
    docsSites: [{ root: "site", framework: "docusaurus" }],
  };
  const kind = (from: string, url: string, isPage = false): string => targetOf(from, url, isPage, setting).kind;

  it.each([
    ["docs/a.md", "https://example.com", "elsewhere"],
    ["docs/a.md", "mailto:a@b.c", "elsewhere"],
    ["docs/a.md", "#top", "elsewhere"],
    ["docs/a.md", "../../issues/1", "elsewhere"],
    ["docs/a.md", "{{ base }}/x", "elsewhere"],
    ["docs/a.md", "img/x.png", "found"],
    ["docs/a.md", "./img", "found"],
    ["docs/a.md", "../src/a.ts#L10", "found"],
    ["docs/a.md", "../src/a.ts:10", "found"],
    ["docs/a.md", "/docs/a.md", "found"],
    ["docs/a.md", "gone.md", "missing"],
    ["docs/a.md", "/docs/gone.md", "missing"],
    ["docs/a.md", "/docs/route", "route"],
    ["docs/b.md", "a", "found"],
    ["site/docs/intro.md", "/anything", "route"],
    ["site/docs/intro.md", "./guide", "found"],
    ["site/docs/intro.md", "./guide.md", "found"],
    ["site/docs/intro.md", "/logo.png", "route"],
    ["site/docs/intro.md", "../logo.png", "found"],
    ["site/docs/intro.md", "./gone.md", "missing"],
    ["site/docs/intro.md", "./elsewhere", "route"],
  ])("from %s to %s are %s", (from, url, expected) => {
    expect(kind(from, url)).toBe(expected);
  });

  it("of pages with front matter may be routes", () => {
    expect(kind("docs/a.md", "other-page")).toBe("missing");
    expect(kind("docs/a.md", "other-page", true)).toBe("route");
  });

  it("are decoded, and survive what cannot be", () => {
    expect(pathPart("a%20b.md")).toBe("a b.md");
    expect(pathPart("100%.md")).toBe("100%.md");
  });
});

describe("licences", () => {
  it.each([
    ["MIT", "none"],
    ["(MIT OR GPL-3.0-only)", "none"],
    ["MIT AND GPL-3.0-only", "strong"],
    ["GPL-2.0-only WITH Classpath-exception-2.0", "weak"],
    ["AGPL-3.0-or-later", "strong"],
    ["LGPL-3.0-only", "weak"],
    ["MPL-2.0", "weak"],
    ["BUSL-1.1", "forbidding"],
    ["CC-BY-NC-4.0", "forbidding"],
    ["Apache 2.0", "none"],
    ["GPLv3", "strong"],
    ["Unlicense", "none"],
  ])("%s burdens its users: %s", (text, burden) => {
    expect(readLicence(text)).toMatchObject({ kind: "expression", burden });
  });

  it("may be proprietary or unclear", () => {
    expect(readLicence("UNLICENSED").kind).toBe("proprietary");
    expect(readLicence("SEE LICENSE IN terms.txt").kind).toBe("unclear");
    expect(licencesIn("(MIT OR Apache-2.0) AND ISC")).toEqual(["MIT", "Apache-2.0", "ISC"]);
  });

  it("are told by their wording", () => {
    expect(familyOfText("MIT License\n\nPermission is hereby granted, free of charge,\nto any person obtaining a copy")).toBe(
      "MIT",
    );
    expect(familyOfText("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3 ... the GNU General Public License")).toBe("AGPL");
    expect(familyOfText("All rights reserved.")).toBeNull();
  });
});

describe("secrets", () => {
  const random = "q7Zt2mXw9LbR4vKc8NsE1yHj5PdGf3";
  const token = (prefix: string, tail: string): string => prefix + random + tail;

  it("are judged by the checksum that issuers put in", () => {
    expect(judge("github-token", token("ghp_", checksumOf(random)), now).real).toBe("yes");
    expect(judge("github-token", token("ghp_", "000000"), now).real).toBe("no");
    // The token of GitHub's own announcement of the format.
    expect(checksumOf("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")).toBe("0mLq17");
    expect(judge("npm-token", token("npm_", checksumOf(random)), now).real).toBe("yes");
  });

  it("are no secrets when they say so", () => {
    for (const value of [
      "your-api-key-goes-here-123",
      "xxxxxxxxxxxxxxxxxxxxxxx1",
      "abcabcabcabcabcabcabc",
      "session-cookie-name-v2",
      "sha512-Zm9vYmFyZm9vYmFy",
    ]) {
      expect(judge("assigned-secret", value, now).real).toBe("no");
    }
  });

  it("are judged by what they decode to", () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const made = (claims: object): string => `${part({ alg: "HS256" })}.${part(claims)}.${random}`;
    expect(judge("json-web-token", made({ sub: "harbour", exp: 2_000_000_000 }), now).real).toBe("yes");
    expect(judge("json-web-token", made({ sub: "harbour", exp: 1_000_000_000 }), now).real).toBe("maybe");
    expect(judge("json-web-token", made({ sub: "1234567890", name: "John Doe" }), now).real).toBe("no");
    expect(judge("json-web-token", made({ role: "anon" }), now).real).toBe("no");
  });

  it("are found by name, unless the name says otherwise", () => {
    const assigned = (key: string): number => findCandidates(`${key} = "hV9tQ2mZr7xKw4LpB8nYcD3s"`).length;
    expect(["password", "API_KEY", "clientSecret", "githubToken"].map(assigned)).toEqual([1, 1, 1, 1]);
    expect(["tokenId", "passwordField", "secretName", "tokenUrl"].map(assigned)).toEqual([0, 0, 0, 0]);
    expect(findCandidates("postgres://u:hV9tQ2mZr7@db.harbour.io/x").length).toBe(1);
    expect(findCandidates("postgres://u:hV9tQ2mZr7@127.0.0.1/x postgres://u:hV9tQ2mZr7@localhost/x").length).toBe(0);
  });

  it("are taken out of what is quoted", () => {
    const value = token("ghp_", checksumOf(random));
    expect(redact(`use ${value} twice: ${value}`)).toBe("use [redacted] twice: [redacted]");
  });
});

describe("a Dockerfile", () => {
  it("is read with continuations, comments and here-documents", () => {
    const file = readDockerfile(
      'ARG BASE=node:24\nFROM ${BASE} AS base\nRUN a \\\n  # between\n  && b\nRUN <<EOF\nUSER root\nEOF\nUSER app\nFROM base\nCMD ["x"]\n',
    );
    expect(file.args.get("BASE")).toBe("node:24");
    expect(lineage(file).map((stage) => stage.instructions.map((each) => `${each.name}@${each.line}`))).toEqual([
      ["CMD@11"],
      ["RUN@3", "RUN@6", "USER@9"],
    ]);
  });
});

describe("files are told apart", () => {
  it("by their path", () => {
    expect(["src/a.test.ts", "test/a.ts", "src/__tests__/a.js", "test_a.py", "packages/test-utils/a.ts"].map(isTestPath)).toEqual(
      [true, true, true, true, true],
    );
    expect(["src/contest.ts", "src/latest.ts", "src/testify.ts"].map(isTestPath)).toEqual([false, false, false]);
    expect(["vendor/a.js", "a.min.js", "src/api_pb.ts"].map(isVendoredPath)).toEqual([true, true, true]);
    expect(["examples/a.ts", "example.ts", "src/sampler.ts"].map(isExamplePath)).toEqual([true, true, false]);
  });

  it("by their text", () => {
    expect(isGeneratedText("// Code generated by protoc. DO NOT EDIT.")).toBe(true);
    expect(isGeneratedText("// Ids are generated by the database.")).toBe(false);
    expect(isMinified("a.js", `${"x=1;".repeat(1_000)}\n`)).toBe(true);
  });

  it("by their neighbours", () => {
    const made = findGenerated([
      "src/a.ts",
      "lib/a.js",
      "lib/a.d.ts",
      "lib/own.js",
      "b.ts",
      "b.js",
      "client/.openapi-generator-ignore",
      "client/docs/X.md",
    ]);
    expect([...made]).toEqual(["lib/a.js", "lib/a.d.ts", "b.js", "client/.openapi-generator-ignore", "client/docs/X.md"]);
  });

  it("and tsconfig files may have comments and trailing commas", () => {
    expect(parseJsonc('{ // yes\n "paths": { "@/*": ["./src/*"], }, }')).toEqual({ paths: { "@/*": ["./src/*"] } });
  });
});
