// What a file is, by its name and its first bytes.

import type { FileEntry } from "./finding.ts";
import { baseOf } from "./path-index.ts";

const languages: Readonly<Record<string, string>> = {
  ts: "typescript",
  mts: "typescript",
  cts: "typescript",
  tsx: "typescript",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsx: "javascript",
  py: "python",
  go: "go",
  rs: "rust",
  rb: "ruby",
  java: "java",
  kt: "kotlin",
  swift: "swift",
  c: "c",
  h: "c",
  cc: "cpp",
  cpp: "cpp",
  hpp: "cpp",
  cs: "csharp",
  php: "php",
  ex: "elixir",
  exs: "elixir",
  scala: "scala",
  dart: "dart",
  lua: "lua",
  zig: "zig",
  vue: "vue",
  svelte: "svelte",
  astro: "astro",
  sh: "shell",
  bash: "shell",
  zsh: "shell",
  ps1: "powershell",
  sql: "sql",
  css: "css",
  scss: "css",
  less: "css",
  html: "html",
  htm: "html",
  proto: "protobuf",
  tf: "terraform",
  md: "markdown",
  markdown: "markdown",
  mdx: "mdx",
  rst: "restructuredtext",
  adoc: "asciidoc",
  json: "json",
  jsonc: "json",
  json5: "json",
  yaml: "yaml",
  yml: "yaml",
  toml: "toml",
  ini: "ini",
  xml: "xml",
  env: "dotenv",
  properties: "properties",
  dockerfile: "dockerfile",
};

const sourceLanguages = new Set([
  "typescript",
  "javascript",
  "python",
  "go",
  "rust",
  "ruby",
  "java",
  "kotlin",
  "swift",
  "c",
  "cpp",
  "csharp",
  "php",
  "elixir",
  "scala",
  "dart",
  "lua",
  "zig",
  "vue",
  "svelte",
  "astro",
  "shell",
  "powershell",
  "sql",
  "css",
  "html",
  "protobuf",
  "terraform",
]);

export const lockfileNames: ReadonlySet<string> = new Set([
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
  "bun.lock",
  "bun.lockb",
  "deno.lock",
  "composer.lock",
  "Cargo.lock",
  "poetry.lock",
  "uv.lock",
  "Pipfile.lock",
  "pdm.lock",
  "Gemfile.lock",
  "go.sum",
  "mix.lock",
  "pubspec.lock",
  "Podfile.lock",
  "flake.lock",
  "packages.lock.json",
  "gradle.lockfile",
]);

export const manifestNames: ReadonlySet<string> = new Set([
  "package.json",
  "pyproject.toml",
  "setup.py",
  "requirements.txt",
  "Cargo.toml",
  "go.mod",
  "composer.json",
  "Gemfile",
  "pom.xml",
  "build.gradle",
  "build.gradle.kts",
  "mix.exs",
  "pubspec.yaml",
  "deno.json",
]);

const binaryExtensions = new Set([
  "png",
  "jpg",
  "jpeg",
  "gif",
  "webp",
  "avif",
  "ico",
  "bmp",
  "tiff",
  "psd",
  "pdf",
  "zip",
  "gz",
  "tgz",
  "bz2",
  "xz",
  "zst",
  "7z",
  "rar",
  "jar",
  "war",
  "class",
  "exe",
  "dll",
  "so",
  "dylib",
  "a",
  "o",
  "obj",
  "lib",
  "pyc",
  "wasm",
  "node",
  "bin",
  "mp3",
  "mp4",
  "mov",
  "webm",
  "wav",
  "ogg",
  "flac",
  "ttf",
  "otf",
  "woff",
  "woff2",
  "eot",
  "sqlite",
  "db",
  "parquet",
]);

const testFolders = new Set(["test", "tests", "__tests__", "spec", "specs", "e2e", "__mocks__", "cypress", "testing"]);
const fixtureFolders = new Set([
  "fixture",
  "fixtures",
  "__fixtures__",
  "testdata",
  "test-data",
  "testfixtures",
  "mocks",
  "__mocks__",
  "snapshots",
  "__snapshots__",
  "goldens",
  "golden",
  "cassettes",
  "testcases",
  "test-cases",
  "corpus",
]);
const exampleFolders = new Set([
  "example",
  "examples",
  "demo",
  "demos",
  "sample",
  "samples",
  "playground",
  "playgrounds",
  "sandbox",
  "sandboxes",
  "tutorial",
  "tutorials",
  "starter",
  "starters",
  "template",
  "templates",
  "boilerplate",
  "boilerplates",
  "stories",
  "benchmark",
  "benchmarks",
  "bench",
  "perf",
]);
const vendoredFolders = new Set([
  "vendor",
  "vendors",
  "vendored",
  "third_party",
  "third-party",
  "thirdparty",
  "node_modules",
  "bower_components",
  ".yarn",
  "generated",
  "__generated__",
  "_generated",
  "autogen",
  "dist",
  "_site",
  "site-packages",
  ".next",
  ".nuxt",
  ".docusaurus",
  "apidocs",
  "javadoc",
]);

function foldersOf(path: string): string[] {
  return path.toLowerCase().split("/").slice(0, -1);
}

function extensionOf(path: string): string {
  const base = baseOf(path);
  const dot = base.lastIndexOf(".");
  return dot <= 0 ? "" : base.slice(dot + 1).toLowerCase();
}

export function languageOf(path: string): string {
  const base = baseOf(path).toLowerCase();
  if (base === "dockerfile" || base.startsWith("dockerfile.") || base.endsWith(".dockerfile") || base === "containerfile")
    return "dockerfile";
  if (base === "makefile") return "makefile";
  if (base === ".env" || base.startsWith(".env.")) return "dotenv";
  return languages[extensionOf(path)] ?? "";
}

/** A module that the JavaScript parser reads. */
export function isScript(path: string): boolean {
  const language = languageOf(path);
  return language === "typescript" || language === "javascript";
}

export function isMarkdown(path: string): boolean {
  const language = languageOf(path);
  return language === "markdown" || language === "mdx";
}

export function isTestPath(path: string): boolean {
  const base = baseOf(path).toLowerCase();
  if (/[._-](test|tests|spec|specs|e2e|cy|bench)(-d)?\.[a-z0-9]+$/.test(base)) return true;
  if (/^(test_|e2e[-_.]|loadtest[-_.])/.test(base) || /^(conftest|test|spec)\.[a-z]+$/.test(base)) return true;
  if (/(^|[-_.])(test|mock|stub|fake)[-_.](double|runner|helpers?|utils?|setup|data|server|entry)\b/.test(base)) return true;
  return foldersOf(path).some((folder) => testFolders.has(folder) || /-(tests?|e2e)$|^test(ing)?-/.test(folder));
}

export function isFixturePath(path: string): boolean {
  return foldersOf(path).some((folder) => fixtureFolders.has(folder)) || /\.(snap|fixture|golden)(\.|$)/.test(path);
}

/** Code that shows rather than ships. */
export function isExamplePath(path: string): boolean {
  const base = baseOf(path).toLowerCase();
  return (
    foldersOf(path).some(
      (folder) => exampleFolders.has(folder) || /-(examples?|demo|playground|starter|template)$/.test(folder),
    ) || /^(example|demo|playground)s?\.[a-z]+$|\.(stories|example|sample|template|tmpl|dist)(\.|$)/.test(base)
  );
}

const generatedName =
  /(\.min\.(js|css|mjs)|\.bundle\.(js|mjs)|\.pb\.(go|cc|h)|_pb2(_grpc)?\.pyi?|_pb\.(js|ts|d\.ts)|\.g\.(ts|dart|cs)|[._-]generated\.[a-z.]+|\.gen\.[a-z]+|-min\.js|\.js\.map|\.css\.map|\.snap)$/i;

export function isVendoredPath(path: string): boolean {
  return foldersOf(path).some((folder) => vendoredFolders.has(folder)) || generatedName.test(path);
}

// Phrases that generators write; prose about generating does not use them.
const generatedMark =
  /@generated\b|\bDO NOT (EDIT|MODIFY)\b|Code generated (by|from)|(this|the following) (file|code|document|page|class|SDK|client|library|API client|module|package|documentation) (is|was|has been) (auto(matically)?[- ]?)?generated|auto-?generated (file|by|from|code)|generated by (the )?(openapi|swagger|protoc|typedoc|graphql|prisma|sphinx|javadoc|docfx|terraform-docs|protobuf|buf|thrift|stainless|speakeasy|fern)/i;

/** Looks into the head of a text file for the mark of a generator. */
export function isGeneratedText(head: string): boolean {
  return generatedMark.test(head.slice(0, 2000));
}

/** One endless line is a bundler's output, not somebody's source. */
export function isMinified(path: string, head: string): boolean {
  if (!/\.(js|mjs|cjs|css)$/.test(path)) return false;
  const lines = head.split("\n");
  return head.length > 2000 && lines.some((line) => line.length > 2000) && lines.length < head.length / 200;
}

export function isBinary(path: string, head: Buffer): boolean {
  if (head.length === 0) return false;
  return (
    head.subarray(0, 8000).includes(0) ||
    (binaryExtensions.has(extensionOf(path)) && !head.subarray(0, 40).toString("latin1").startsWith("version https://git-lfs"))
  );
}

const configName =
  /^(\..*rc(\.[a-z]+)?|.*\.config\.[cm]?[jt]s|tsconfig.*\.json|jsconfig.*\.json|\.editorconfig|\.gitignore|\.gitattributes|\.npmrc|\.nvmrc|makefile|justfile|dockerfile.*|.*\.dockerfile|docker-compose.*|compose\.ya?ml|\.env.*|.*\.toml|.*\.ini|.*\.cfg|.*\.conf)$/i;

export function kindOf(path: string, binary: boolean): FileEntry["kind"] {
  const base = baseOf(path);
  if (lockfileNames.has(base)) return "lockfile";
  if (binary) return "binary";
  const language = languageOf(path);
  if (["markdown", "mdx", "restructuredtext", "asciidoc"].includes(language)) return "docs";
  if (
    configName.test(base) ||
    manifestNames.has(base) ||
    path.startsWith(".github/") ||
    path.startsWith(".circleci/") ||
    base === ".gitlab-ci.yml"
  )
    return "config";
  if (sourceLanguages.has(language)) return isTestPath(path) ? "test" : "source";
  if (isTestPath(path) && language !== "") return "test";
  if (["json", "yaml", "xml"].includes(language) || ["csv", "tsv", "jsonl", "ndjson", "txt"].includes(extensionOf(path)))
    return "data";
  return "other";
}
