// A small repository with planted defects of all ten dimensions, and decoys that look like defects and are none.
// Secrets are put together at run time: none stands in this file.

import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Dimension } from "../../templates/repo-audit/finding.ts";
import { checksumOf } from "../../templates/repo-audit/secrets/judge.ts";

export interface Label {
  readonly dimension: Dimension;
  readonly rule: string;
  readonly path: string;
  /** Part of the evidence, where one file has several findings of a rule. */
  readonly about?: string;
}

export interface Labels {
  /** Found, and confirmed or likely. */
  readonly planted: readonly Label[];
  /** Not found, or rejected by the verifier, or at most of low severity. */
  readonly decoys: readonly Label[];
  /** Values that nothing the audit says may contain. */
  readonly secrets: readonly string[];
}

export interface Fixture {
  readonly root: string;
  readonly labels: Labels;
  /** Runs git there, with a fixed identity and the given date. */
  git(args: readonly string[], date?: string): string;
  write(path: string, content: string | Buffer): void;
  [Symbol.dispose](): void;
}

const person = {
  GIT_AUTHOR_NAME: "Ada Keeper",
  GIT_AUTHOR_EMAIL: "ada@harbour.invalid",
  GIT_COMMITTER_NAME: "Ada Keeper",
  GIT_COMMITTER_EMAIL: "ada@harbour.invalid",
};

/** The same bytes each time, and nothing that compresses. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

function githubToken(valid: boolean): string {
  const random = "q7Zt2mXw9LbR4vKc8NsE1yHj5PdGf3".slice(0, 30);
  return `${["gh", "p_"].join("")}${random}${valid ? checksumOf(random) : checksumOf(`${random}x`)}`;
}

/** A function with `branches` nested and flat decisions. */
function complex(name: string, branches: number, revision = 0): string {
  const rows = Array.from({ length: branches }, (_, at) => {
    const value = at + revision * 100;
    return `  if (wind > ${value}) {\n    for (const step of steps) {\n      if (step.depth > ${value}) {\n        total += step.depth;\n      }\n    }\n  }`;
  });
  return `export function ${name}(wind: number, steps: readonly { depth: number }[]): number {\n  let total = 0;\n${rows.join("\n")}\n  return total;\n}\n`;
}

const iscText = `Copyright (c) Harbour keepers

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.
`;

const manifest = {
  name: "harbour",
  version: "1.0.0",
  license: "MIT",
  type: "module",
  exports: "./dist/index.js",
  scripts: { build: "config-runner --once" },
  dependencies: {
    "tide-tables": "^1.0.0",
    "unused-thing": "^1.0.0",
    "config-runner": "^1.0.0",
    "plugin-by-name": "^1.0.0",
    drifted: "^2.0.0",
    "copyleft-core": "^1.0.0",
    "dual-licence": "^1.0.0",
    "loose-licence": "^1.0.0",
  },
  devDependencies: { "build-gpl": "^1.0.0" },
};

function locked(name: string, licence: string, more: object = {}): readonly [string, object] {
  return [`node_modules/${name}`, { version: "1.0.0", license: licence, ...more }];
}

const lockfile = {
  name: "harbour",
  lockfileVersion: 3,
  packages: {
    "": {
      name: "harbour",
      dependencies: { ...manifest.dependencies, drifted: "^1.0.0" },
      devDependencies: manifest.devDependencies,
    },
    ...Object.fromEntries([
      locked("tide-tables", "MIT"),
      locked("unused-thing", "MIT"),
      locked("config-runner", "MIT", { bin: { "config-runner": "cli.js" } }),
      locked("plugin-by-name", "MIT"),
      locked("drifted", "ISC"),
      locked("copyleft-core", "AGPL-3.0-only"),
      locked("dual-licence", "(MIT OR GPL-3.0-only)"),
      locked("loose-licence", "Apache 2.0"),
      locked("build-gpl", "GPL-3.0-only", { dev: true }),
    ]),
  },
};

function files(secrets: { token: string; wrongToken: string; key: string; password: string }): Record<string, string | Buffer> {
  return {
    ".gitignore": "dist/\nnode_modules/\n",
    ".gitattributes": "*.psd filter=lfs -text\n",
    LICENSE: iscText,
    "package.json": `${JSON.stringify(manifest, null, 2)}\n`,
    "package-lock.json": `${JSON.stringify(lockfile, null, 2)}\n`,
    "tsconfig.json":
      '{\n  // Comments are allowed here.\n  "compilerOptions": { "paths": { "@/*": ["./src/*"], },\n  "types": [] }\n}\n',
    "tool.config.json": '{ "plugins": ["plugin-by-name"] }\n',
    "README.md": [
      "# Harbour",
      "",
      "Read [the old guide](docs/moved.md), [the build](dist/bundle.js), [issues](../../issues), [a placeholder](path/to/file.md)",
      "and [the site](/docs/next), [no page](/docs/never), [setup](docs/setup.md), [a heading](#harbour).",
      "",
      "`moor()` ties a ship up, `cast()` lets it go, and `warp()` moves it along the quay.",
      "",
    ].join("\n"),
    "CHANGELOG.md": "# Changes\n\n- Removed [the pilot](src/pilot.ts)\n",
    "docs/guide.md":
      "# Guide\n\nSee [setup](./Setup.md), and an image: ![map](images/map.png)\n\n```md\n[in code](nowhere.md)\n```\n",
    "docs/setup.md": ["# Setup\n\nSet `AWS_ACCESS_KEY_ID` to `AKIA", "IOSFODNN7EXAMPLE`.\n"].join(""),
    "docs/moved.md": "# To be moved\n",
    "website/docusaurus.config.js": 'export default { title: "Harbour" };\n',
    "website/docs/intro.md": "---\ntitle: Intro\n---\n\n[Next](/docs/next) [Install](./install) [Deep](../api/ships)\n",
    "website/docs/next.md": "---\ntitle: Next\n---\n",
    "third_party/rope/README.md": "# Rope\n\n[Gone](gone.md)\n",
    "third_party/rope/rope.js": "// FIXME: vendored trouble\nexport const rope = 1;\n",
    "docs/reference.md": "<!-- This file was automatically generated. DO NOT EDIT. -->\n\n[Gone](gone.md)\n",

    "src/index.ts":
      'export * from "./api.ts";\nexport { moor, cast, warp } from "./explained.ts";\nexport { noted, alsoNoted, stillNoted } from "./noted.ts";\nexport * from "./documented.ts";\n',
    "src/api.ts":
      'import { tides } from "tide-tables";\nimport gone from "undeclared-package";\nimport { readFileSync } from "node:fs";\nimport { inner } from "@/internal.ts";\nimport type { Shape } from "typed-only";\n\nexport function dock(ship: Shape): string {\n  return gone(tides(ship), inner(readFileSync(ship.log, "utf8")));\n}\n\nexport function undock(ship: Shape): Shape {\n  return ship;\n}\n\nexport class Quay {\n  length = 3;\n}\n',
    "src/explained.ts": "export function moor(): void {}\nexport function cast(): void {}\nexport function warp(): void {}\n",
    "src/documented.ts": Array.from(
      { length: 6 },
      (_, at) => `/** Rings bell ${at}. */\nexport function bell${at}(): void {}\n`,
    ).join(""),
    "src/noted.ts":
      "// Says what it is, if not in the editors' style.\nexport function noted(): void {}\n// The same.\nexport function alsoNoted(): void {}\n// And again.\nexport function stillNoted(): void {}\n",
    "src/internal.ts":
      'import engine from "copyleft-core";\nimport { both } from "dual-licence";\nimport "loose-licence";\nimport "drifted";\nexport function inner(text: string): string {\n  return engine(both(text));\n}\nexport function unseen(): void {}\nexport function alsoUnseen(): void {}\n',
    "src/engine.ts": complex("steer", 12),
    "src/version.ts": "export const version = 0;\n",
    "src/stable.ts": complex("settleDown", 40),
    "src/untested.ts": complex("drift", 40),
    "src/reached.ts": complex("reach", 40),
    "src/strings.ts":
      'export const notes = ["FIXME: only text", "TODO: text, too"];\n// A list of what used to be called TODO items.\nexport const items = notes.length;\n',
    "src/old.ts": "// FIXME: the tide is ignored at night\nexport const night = true;\n",
    "test/steering.test.ts":
      'import { expect, it } from "vitest";\nimport { reach } from "../src/reached.ts";\nimport { steer } from "../src/engine.ts";\nimport { settleDown } from "../src/stable.ts";\nimport "../src/index.ts";\n\nit("steers", () => expect(reach(1, []) + steer(1, []) + settleDown(1, [])).toBe(0));\n',
    "test/focus.test.ts": 'import { it } from "vitest";\n\nit.only("alone", () => {});\nit("others", () => {});\n',
    "test/quoted.test.ts":
      'import { it } from "vitest";\n\n// it.only("in a comment", () => {})\nit("says it.only(", () => {});\n',

    "src/deploy.ts": `// The token of the deploy bot.\nexport const bot = "${secrets.token}";\n`,
    "src/sample.ts": `export const sample = "${secrets.wrongToken}";\nexport const settings = { apiKey: "your-api-key-goes-here-1", tokenName: "session-cookie-name-v2" };\n`,
    "config/server.pem": secrets.key,
    ".env.production": `PORT=8080\nDB_PASSWORD=${secrets.password}\n`,
    ".env.example": "DB_PASSWORD=change-me-please-1\n",
    "test/fixtures/client.pem": secrets.key,

    ".github/workflows/ci.yml": [
      "name: ci",
      "on:",
      "  issues:",
      "    types: [opened]",
      "jobs:",
      "  greet:",
      "    runs-on: ubuntu-latest",
      "    timeout-minutes: 5",
      "    steps:",
      "      - uses: actions/checkout@v4",
      "      - uses: somebody/greeter@main",
      "      # - uses: nobody/commented@main",
      "      - uses: somebody/pinned@0123456789abcdef0123456789abcdef01234567 # v1",
      '      - run: echo "${{ github.event.issue.title }}"',
      "",
    ].join("\n"),
    ".github/workflows/safe.yml": [
      "name: safe",
      "on:",
      "  issues:",
      "    types: [opened]",
      "jobs:",
      "  greet:",
      "    runs-on: ubuntu-latest",
      "    timeout-minutes: 5",
      "    steps:",
      '      - run: echo "$TITLE"',
      "        env:",
      "          TITLE: ${{ github.event.issue.title }}",
      "",
    ].join("\n"),
    Dockerfile: 'FROM node:latest\nWORKDIR /app\nCOPY . .\nCMD ["node", "dist/index.js"]\n',
    "deploy/Dockerfile":
      'ARG BASE=node:24.1.0\nFROM ${BASE} AS base\nUSER node\nFROM base AS app\nCOPY . .\nCMD ["node", "dist/index.js"]\n',
    "gateway/Dockerfile":
      'FROM nginx:1.27.0\nCOPY entry.sh /entry.sh\nRUN echo "exec gosu app" >> /entry.sh\nENTRYPOINT ["/entry.sh"]\n',

    "assets/recording.bin": noise(5_400_000, 7),
    "assets/cover.psd": noise(5_300_000, 9),
    "tools/pump": Buffer.concat([Buffer.from("7f454c46020101000000000000000000", "hex"), noise(20_000, 11)]),
    "gradle/wrapper/gradle-wrapper.jar": Buffer.concat([Buffer.from("504b0304", "hex"), noise(20_000, 13)]),
    "test/fixtures/recording.bin": noise(5_300_000, 17),
  };
}

const planted: readonly Label[] = [
  { dimension: "licences", rule: "strong-copyleft", path: "package-lock.json", about: "copyleft-core" },
  { dimension: "licences", rule: "licence-mismatch", path: "package.json" },
  { dimension: "secrets", rule: "github-token", path: "src/deploy.ts" },
  { dimension: "secrets", rule: "private-key", path: "config/server.pem" },
  { dimension: "secrets", rule: "environment-file", path: ".env.production" },
  { dimension: "links", rule: "dead-path", path: "README.md", about: "docs/moved.md" },
  { dimension: "links", rule: "dead-path", path: "README.md", about: "/docs/never" },
  { dimension: "links", rule: "dead-path", path: "docs/guide.md", about: "images/map.png" },
  { dimension: "links", rule: "wrong-case", path: "docs/guide.md", about: "Setup.md" },
  { dimension: "hotspots", rule: "hotspot", path: "src/engine.ts" },
  { dimension: "tests", rule: "untested-source", path: "src/untested.ts" },
  { dimension: "tests", rule: "focused-test", path: "test/focus.test.ts" },
  { dimension: "docs", rule: "undocumented-exports", path: "src/api.ts" },
  { dimension: "dependencies", rule: "unused-dependency", path: "package.json", about: "unused-thing" },
  { dimension: "dependencies", rule: "missing-dependency", path: "src/api.ts", about: "undeclared-package" },
  { dimension: "dependencies", rule: "lockfile-drift", path: "package.json", about: "drifted" },
  { dimension: "ci", rule: "action-by-branch", path: ".github/workflows/ci.yml", about: "somebody/greeter@main" },
  { dimension: "ci", rule: "script-injection", path: ".github/workflows/ci.yml" },
  { dimension: "ci", rule: "root-user", path: "Dockerfile" },
  { dimension: "ci", rule: "floating-image", path: "Dockerfile" },
  { dimension: "debt", rule: "old-marker", path: "src/old.ts" },
  { dimension: "files", rule: "large-file", path: "assets/recording.bin" },
  { dimension: "files", rule: "build-product", path: "tools/pump" },
];

const decoys: readonly Label[] = [
  { dimension: "licences", rule: "strong-copyleft", path: "package-lock.json", about: "dual-licence" },
  { dimension: "licences", rule: "strong-copyleft", path: "package-lock.json", about: "build-gpl" },
  { dimension: "licences", rule: "unclear-licence", path: "package-lock.json", about: "loose-licence" },
  { dimension: "secrets", rule: "aws-access-key", path: "docs/setup.md" },
  { dimension: "secrets", rule: "github-token", path: "src/sample.ts" },
  { dimension: "secrets", rule: "assigned-secret", path: "src/sample.ts" },
  { dimension: "secrets", rule: "environment-file", path: ".env.example" },
  { dimension: "secrets", rule: "private-key", path: "test/fixtures/client.pem" },
  { dimension: "links", rule: "dead-path", path: "README.md", about: "dist/bundle.js" },
  { dimension: "links", rule: "dead-path", path: "README.md", about: "issues" },
  { dimension: "links", rule: "dead-path", path: "README.md", about: "path/to/file.md" },
  { dimension: "links", rule: "dead-path", path: "README.md", about: "/docs/next" },
  { dimension: "links", rule: "dead-path", path: "docs/guide.md", about: "nowhere.md" },
  { dimension: "links", rule: "dead-path", path: "CHANGELOG.md" },
  { dimension: "links", rule: "dead-path", path: "website/docs/intro.md" },
  { dimension: "links", rule: "dead-path", path: "third_party/rope/README.md" },
  { dimension: "links", rule: "dead-path", path: "docs/reference.md" },
  { dimension: "hotspots", rule: "hotspot", path: "src/version.ts" },
  { dimension: "hotspots", rule: "hotspot", path: "src/stable.ts" },
  { dimension: "tests", rule: "untested-source", path: "src/reached.ts" },
  { dimension: "tests", rule: "untested-source", path: "src/strings.ts" },
  { dimension: "tests", rule: "focused-test", path: "test/quoted.test.ts" },
  { dimension: "docs", rule: "undocumented-exports", path: "src/explained.ts" },
  { dimension: "docs", rule: "undocumented-exports", path: "src/noted.ts" },
  { dimension: "docs", rule: "undocumented-exports", path: "src/internal.ts" },
  { dimension: "dependencies", rule: "unused-dependency", path: "package.json", about: "config-runner" },
  { dimension: "dependencies", rule: "unused-dependency", path: "package.json", about: "plugin-by-name" },
  { dimension: "dependencies", rule: "missing-dependency", path: "src/api.ts", about: "@/internal.ts" },
  { dimension: "dependencies", rule: "missing-dependency", path: "src/api.ts", about: "typed-only" },
  { dimension: "dependencies", rule: "missing-dependency", path: "src/api.ts", about: "node:fs" },
  { dimension: "ci", rule: "action-by-branch", path: ".github/workflows/ci.yml", about: "nobody/commented" },
  { dimension: "ci", rule: "action-by-tag", path: ".github/workflows/ci.yml", about: "actions/checkout" },
  { dimension: "ci", rule: "action-by-tag", path: ".github/workflows/ci.yml", about: "somebody/pinned" },
  { dimension: "ci", rule: "script-injection", path: ".github/workflows/safe.yml" },
  { dimension: "ci", rule: "root-user", path: "deploy/Dockerfile" },
  { dimension: "ci", rule: "floating-image", path: "deploy/Dockerfile" },
  { dimension: "ci", rule: "root-user", path: "gateway/Dockerfile" },
  { dimension: "debt", rule: "old-marker", path: "src/strings.ts" },
  { dimension: "debt", rule: "marker", path: "src/strings.ts" },
  { dimension: "debt", rule: "old-marker", path: "third_party/rope/rope.js" },
  { dimension: "files", rule: "large-file", path: "assets/cover.psd" },
  { dimension: "files", rule: "build-product", path: "gradle/wrapper/gradle-wrapper.jar" },
  { dimension: "files", rule: "large-file", path: "test/fixtures/recording.bin" },
];

export interface EmptyRepository extends Omit<Fixture, "labels"> {}

/** A folder with an empty git repository in it; gone when disposed of. */
export function emptyRepository(): EmptyRepository {
  const root = mkdtempSync(join(tmpdir(), "repo-audit-"));
  const git = (args: readonly string[], date = "2026-01-15T12:00:00Z"): string =>
    execFileSync(
      "git",
      ["-c", "commit.gpgsign=false", "-c", "core.autocrlf=false", "-c", "init.defaultBranch=main", "-c", "gc.auto=0", ...args],
      {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: process.env["PATH"],
          GIT_CONFIG_NOSYSTEM: "1",
          GIT_CONFIG_GLOBAL: "/dev/null",
          ...person,
          GIT_AUTHOR_DATE: date,
          GIT_COMMITTER_DATE: date,
        },
      },
    );
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  git(["init", "-q"]);
  return { root, git, write, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

export function buildFixture(): Fixture {
  const repository = emptyRepository();
  const { root, git, write } = repository;
  const key = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
  const secrets = {
    token: githubToken(true),
    wrongToken: githubToken(false),
    key,
    password: ["hV9", "tQ2m", "Zr7xKw4", "LpB8nYcD3s"].join(""),
  };

  for (const [path, content] of Object.entries(files(secrets))) write(path, content);
  git(["add", "-A", "-f"]);
  git(["commit", "-q", "-m", "Begin"], "2022-03-01T12:00:00Z");

  renameSync(join(root, "docs/moved.md"), join(root, "docs/arrived.md"));
  git(["add", "-A"]);
  git(["commit", "-q", "-m", "Move the guide"], "2024-05-01T12:00:00Z");

  // Two files change equally often; only one of them is hard to follow.
  for (let revision = 1; revision <= 12; revision += 1) {
    const month = String(revision).padStart(2, "0");
    write("src/engine.ts", complex("steer", 12, revision));
    git(["commit", "-q", "-am", `Steer ${revision}`], `2025-${month}-20T12:00:00Z`);
    write("src/version.ts", `export const version = ${revision};\n`);
    git(["commit", "-q", "-am", `Version ${revision}`], `2025-${month}-21T12:00:00Z`);
  }
  const keyBody = key.split("\n").slice(1, -2);
  return {
    ...repository,
    labels: { planted, decoys, secrets: [secrets.token, secrets.wrongToken, secrets.password, ...keyBody] },
  };
}
