// Node runs TypeScript by stripping its types, and refuses what would need more than that. Its own messages say what is
// refused, seldom what to write instead: that is said here.
import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { FlotillaError, isFlotillaError } from "../core/error.ts";

interface ImportError extends Error {
  readonly code?: string;
}
interface Advice {
  /** Where it is, when that is not the file that was asked for. */
  readonly file?: string;
  readonly problem: string;
  readonly fix: string;
}

/** What importing `file` threw, as FLOTILLA_DEFINITION_UNREADABLE with the fix. Our own errors pass as they are. */
export function unreadable(error: unknown, file: string): Error {
  if (isFlotillaError(error)) return error;
  const advice =
    error instanceof Error ? adviceOn(error, file) : { problem: `it threw ${String(error)}`, fix: "throw errors only" };
  return new FlotillaError(
    "FLOTILLA_DEFINITION_UNREADABLE",
    { file: advice.file ?? file, problem: advice.problem, fix: advice.fix },
    { cause: error },
  );
}

function adviceOn(error: ImportError, file: string): Advice {
  switch (error.code) {
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return { ...located(error, file), problem: error.message, fix: insteadOf(error.message) };
    case "ERR_INVALID_TYPESCRIPT_SYNTAX":
      return { ...located(error, file), problem: `syntax error: ${error.message}`, fix: "correct it; tsc shows the place" };
    case "ERR_MODULE_NOT_FOUND":
      return notFound(error, file);
    case "ERR_PACKAGE_IMPORT_NOT_DEFINED":
      return { problem: error.message, fix: 'add it to "imports" in package.json, or import by a relative path' };
    case "ERR_UNSUPPORTED_DIR_IMPORT":
      return { ...importerOf(error), problem: "it imports a folder", fix: 'name the file: "./folder/index.ts"' };
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return {
        problem: error.message,
        fix: /\.[jt]sx/.test(error.message)
          ? `JSX cannot be stripped: keep definitions in .ts files that import none, ${orTsx}`
          : "import a .ts, .js or .mjs file",
      };
    case "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING":
      return {
        problem: error.message,
        fix: "build that package to JavaScript, or import its source by a path outside node_modules",
      };
    default:
      return error instanceof SyntaxError
        ? syntax(error, file)
        : {
            problem: `it threw ${error.name}: ${error.message}`,
            fix: "the cause below has the stack; a file of definitions should only define",
          };
  }
}

const orTsx = "or compile on the fly: node --import tsx (npm install tsx)";

const instead: readonly (readonly [RegExp, string])[] = [
  [/enum/, 'use an object: const Color = { red: "red" } as const; type Color = keyof typeof Color'],
  [/namespace|module/, "use a file of its own and export from it"],
  [/parameter property/, "declare the field, and assign it in the constructor's body"],
  [/import equals/, 'use import: import fs from "node:fs"'],
  [/export assignment/, "use export default"],
  [/angle-bracket/, "write `value as Type`"],
];

function insteadOf(message: string): string {
  const found = instead.find(([pattern]) => pattern.test(message));
  return `${found ? found[1] : "write it as plain JavaScript with types"}, ${orTsx}`;
}

/** The stack of a syntax error begins with `file:///a/b.ts:12`. */
function located(error: Error, file: string): { file: string } {
  const place = /^(file:\/\/\S+?)(:\d+)\n/.exec(error.stack ?? "");
  return { file: place ? fileURLToPath(place[1] as string) + (place[2] as string) : file };
}

function importerOf(error: Error): { file?: string } {
  const importer = /imported from (.+)$/.exec(error.message)?.[1];
  return importer === undefined ? {} : { file: importer };
}

function notFound(error: Error, file: string): Advice {
  const match = /^Cannot find (module|package) '(.+?)' imported from (.+)$/.exec(error.message);
  if (!match || match[2] === file) return { problem: "there is no such file", fix: "check the path" };
  const [, kind, target = "", importer = ""] = match;
  if (kind === "package") return { file: importer, ...missingPackage(target, importer) };
  return { file: importer, ...missingFile(target, importer) };
}

function missingFile(target: string, importer: string): Advice {
  const written = `./${relative(dirname(importer), target)}`;
  const candidates = [
    `${target}.ts`,
    `${target}.mts`,
    `${target}.js`,
    `${target}.mjs`,
    `${target}.tsx`,
    target.replace(/\.([cm]?)js$/, ".$1ts"),
    target.replace(/\.jsx?$/, ".tsx"),
  ];
  const there = candidates.find((candidate) => candidate !== target && existsSync(candidate));
  if (there === undefined) return { problem: `it imports ${written}, which is not there`, fix: "check the path" };
  if (extname(there) === ".tsx")
    return {
      problem: `it imports ${written}, which is a .tsx file`,
      fix: `JSX cannot be stripped: keep definitions in .ts files that import none, ${orTsx}`,
    };
  const right = `./${relative(dirname(importer), there)}`;
  return {
    problem: `it imports ${written}; Node wants the file's full name`,
    fix: `write ${JSON.stringify(right)} (with allowImportingTsExtensions in tsconfig.json)`,
  };
}

function missingPackage(name: string, importer: string): Advice {
  if (/^(@\/|~|@$)/.test(name) || isTsconfigPath(name, importer)) {
    return {
      problem: `it imports ${JSON.stringify(name)}, a path alias of tsconfig.json that Node does not know`,
      fix: `use a relative path with the extension, or "imports" in package.json with names that begin with #, ${orTsx}`,
    };
  }
  return { problem: `it imports the package ${JSON.stringify(name)}, which is not installed`, fix: `npm install ${name}` };
}

/** Whether a tsconfig.json above `importer` maps `name`. Read as text: comments and trailing commas are legal there. */
function isTsconfigPath(name: string, importer: string): boolean {
  for (let folder = dirname(importer); ; folder = dirname(folder)) {
    const file = join(folder, "tsconfig.json");
    if (existsSync(file)) {
      const paths = /"paths"\s*:\s*\{([^}]*)\}/.exec(readFileSync(file, "utf8"))?.[1] ?? "";
      return [...paths.matchAll(/"([^"]+)"\s*:/g)].some(([, alias = ""]) => alias === name || alias.startsWith(`${name}/`));
    }
    if (folder === dirname(folder)) return false;
  }
}

function syntax(error: SyntaxError, file: string): Advice {
  const missing = /does not provide an export named '(.+?)'/.exec(error.message)?.[1];
  if (missing !== undefined)
    return {
      ...located(error, file),
      problem: error.message,
      fix: `when ${missing} is a type, write import type { ${missing} }: a stripped file does not export it`,
    };
  const line = decoratorLine(file);
  if (line !== undefined)
    return {
      file: `${file}:${line}`,
      problem: "decorators are not stripped, and Node cannot run them",
      fix: `call the function instead, ${orTsx}`,
    };
  return {
    ...located(error, file),
    problem: `syntax error: ${error.message}`,
    fix: `correct it; if a file that it imports uses decorators, call the function instead, ${orTsx}`,
  };
}

function decoratorLine(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const at = readFileSync(file, "utf8")
    .split("\n")
    .findIndex((line) => /^\s*(export\s+(default\s+)?)?@[A-Za-z_]\w*/.test(line));
  return at < 0 ? undefined : at + 1;
}
