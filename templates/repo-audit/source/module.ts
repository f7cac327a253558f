// What the audits want to know of one script, from a single parse.

import { type Comment, type ParseResult, Visitor } from "oxc-parser";
import type { Repository } from "../repository.ts";
import { lineCounter, parseSource, UnparsableSourceError } from "./parse.ts";

export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
  /** In a try block or loaded on demand: may be absent at run time. */
  readonly optional: boolean;
}

export interface Export {
  readonly name: string;
  readonly line: number;
  readonly kind: "function" | "class" | "value" | "type" | "unknown";
  /** A `/** ... *\/` comment stands right before the declaration. */
  readonly documented: boolean;
  /** For `export { a as b } from "x"`: where it comes from and under which name; `*` for a namespace. */
  readonly from?: { readonly specifier: string; readonly name: string };
}

export interface SourceComment {
  readonly text: string;
  readonly line: number;
  readonly block: boolean;
}

export interface FunctionFacts {
  readonly name: string;
  readonly line: number;
  /** Cyclomatic: one plus its branches. */
  readonly complexity: number;
}

export interface TestMark {
  readonly call: string;
  readonly line: number;
}

export interface ModuleFacts {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Specifiers of `export * from`. */
  readonly exportAll: readonly string[];
  readonly comments: readonly SourceComment[];
  readonly functions: readonly FunctionFacts[];
  /** `it.only` and `it.skip` calls. */
  readonly testMarks: readonly TestMark[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const asNode = (value: unknown): Node | null =>
  typeof value === "object" && value !== null && "type" in value ? (value as Node) : null;

const branches = [
  "IfStatement",
  "ConditionalExpression",
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "WhileStatement",
  "DoWhileStatement",
  "CatchClause",
  "LogicalExpression",
] as const;

interface Gathered {
  readonly required: { specifier: string; start: number; optional: boolean }[];
  readonly functions: { name: string; start: number; complexity: number }[];
  readonly marks: { call: string; start: number }[];
}

const testFunctions = new Set(["it", "test", "describe", "suite", "context", "specify"]);

function nameOf(node: Node | null): string {
  if (node === null) return "";
  if (typeof node["name"] === "string") return node["name"];
  return typeof node["value"] === "string" ? node["value"] : "";
}

function walk(result: ParseResult): Gathered {
  const gathered: Gathered = { required: [], functions: [], marks: [] };
  const open: { name: string; start: number; complexity: number }[] = [];
  let tries = 0;
  let pendingName = "";
  const enter = (node: unknown): void => {
    const fn = node as Node;
    open.push({ name: nameOf(asNode(fn["id"])) || pendingName || "anonymous", start: fn.start, complexity: 1 });
    pendingName = "";
  };
  const leave = (): void => {
    const done = open.pop();
    if (done !== undefined) gathered.functions.push(done);
  };
  const branch = (): void => {
    const inner = open.at(-1);
    if (inner !== undefined) inner.complexity += 1;
  };
  // A function takes the name of what it is assigned to.
  const remember = (key: unknown): void => {
    pendingName = nameOf(asNode(key));
  };
  const visitor: Record<string, (node: never) => void> = {
    FunctionDeclaration: enter,
    "FunctionDeclaration:exit": leave,
    FunctionExpression: enter,
    "FunctionExpression:exit": leave,
    ArrowFunctionExpression: enter,
    "ArrowFunctionExpression:exit": leave,
    SwitchCase: (node: never) => {
      if ((node as Node)["test"] !== null) branch();
    },
    VariableDeclarator: (node: never) => remember((node as Node)["id"]),
    MethodDefinition: (node: never) => remember((node as Node)["key"]),
    PropertyDefinition: (node: never) => remember((node as Node)["key"]),
    Property: (node: never) => remember((node as Node)["key"]),
    TryStatement: () => {
      tries += 1;
    },
    "TryStatement:exit": () => {
      tries -= 1;
    },
    ImportExpression: (node: never) => {
      const source = asNode((node as Node)["source"]);
      const value = source?.["value"];
      if (typeof value === "string") gathered.required.push({ specifier: value, start: (node as Node).start, optional: true });
    },
    TSImportType: (node: never) => {
      const source = asNode((node as Node)["source"]) ?? asNode((node as Node)["argument"]);
      const value = source?.["value"] ?? asNode(source?.["literal"])?.["value"];
      if (typeof value === "string") gathered.required.push({ specifier: value, start: (node as Node).start, optional: true });
    },
    TSExternalModuleReference: (node: never) => {
      const value = asNode((node as Node)["expression"])?.["value"];
      if (typeof value === "string")
        gathered.required.push({ specifier: value, start: (node as Node).start, optional: tries > 0 });
    },
    CallExpression: (node: never) => {
      const call = node as Node;
      const callee = asNode(call["callee"]);
      const [first] = call["arguments"] as readonly unknown[];
      const argument = asNode(first);
      const isRequire = callee?.type === "Identifier" && callee["name"] === "require";
      const isResolve =
        callee?.type === "MemberExpression" &&
        nameOf(asNode(callee["object"])) === "require" &&
        nameOf(asNode(callee["property"])) === "resolve";
      if ((isRequire || isResolve) && typeof argument?.["value"] === "string") {
        gathered.required.push({
          specifier: argument["value"],
          start: call.start,
          optional: isResolve || tries > 0 || open.length > 0,
        });
      }
      if (callee?.type === "MemberExpression" && argument !== null) {
        const object = nameOf(asNode(callee["object"]));
        const property = nameOf(asNode(callee["property"]));
        const isTitle = argument.type === "Literal" || argument.type === "TemplateLiteral";
        if (testFunctions.has(object) && (property === "only" || property === "skip") && isTitle) {
          gathered.marks.push({ call: `${object}.${property}`, start: call.start });
        }
      }
    },
  };
  for (const type of branches) visitor[type] = branch;
  new Visitor(visitor).visit(result.program);
  return gathered;
}

function kindOf(declaration: Node | null): Export["kind"] {
  switch (declaration?.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
      return "function";
    case "ClassDeclaration":
      return "class";
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return "type";
    case "VariableDeclaration": {
      const [first] = declaration["declarations"] as readonly Node[];
      const init = asNode(first?.["init"]);
      return init?.type === "ArrowFunctionExpression" || init?.type === "FunctionExpression" ? "function" : "value";
    }
    default:
      return declaration === null ? "unknown" : "value";
  }
}

interface Declared {
  readonly kind: Export["kind"];
  readonly documented: boolean;
}

function boundNames(declaration: Node): string[] {
  if (declaration.type !== "VariableDeclaration") return [nameOf(asNode(declaration["id"]))];
  return (declaration["declarations"] as readonly Node[]).map((declarator) => nameOf(asNode(declarator["id"])));
}

/** Top-level declarations by name, with whether a doc comment precedes any of their overloads. */
function topLevel(body: readonly Node[], isDocumented: (start: number) => boolean): Map<string, Declared> {
  const declared = new Map<string, Declared>();
  for (const statement of body) {
    const exported = statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration";
    const declaration = exported ? asNode(statement["declaration"]) : statement;
    if (declaration === null) continue;
    const documented = isDocumented(statement.start) || isDocumented(declaration.start);
    const names = /Declaration$|^TSDeclareFunction$/.test(declaration.type) ? boundNames(declaration) : [];
    if (statement.type === "ExportDefaultDeclaration") names.push("default");
    for (const name of names) {
      if (name === "") continue;
      const known = declared.get(name);
      declared.set(name, { kind: known?.kind ?? kindOf(declaration), documented: documented || known?.documented === true });
    }
  }
  return declared;
}

export function readModule(path: string, text: string): ModuleFacts {
  const result = parseSource(path, text);
  const [error] = result.errors;
  const body = result.program.body as readonly unknown[] as readonly Node[];
  if (error !== undefined && body.length === 0) throw new UnparsableSourceError(path, error.message);
  const lineAt = lineCounter(text);
  const docEnds = result.comments
    .filter((comment) => comment.type === "Block" && comment.value.startsWith("*"))
    .map((comment) => comment.end);
  const isDocumented = (start: number): boolean => {
    const before = docEnds.findLast((end) => end <= start);
    return (
      before !== undefined &&
      /^\s*(?:@[\w.]+(?:\([^)]*\))?\s*|export\s+|default\s+|\/\/[^\n]*(?:\n\s*|$))*$/.test(
        text.slice(before, Math.min(start, before + 400)),
      )
    );
  };
  const declared = topLevel(body, isDocumented);
  const { required, functions, marks } = walk(result);

  const imports: Import[] = result.module.staticImports.map((entry) => ({
    specifier: entry.moduleRequest.value,
    line: lineAt(entry.start),
    typeOnly:
      (entry.entries.length > 0 && entry.entries.every((name) => name.isType)) ||
      text.slice(entry.start, entry.start + 12).startsWith("import type"),
    optional: false,
  }));
  for (const entry of required)
    imports.push({ specifier: entry.specifier, line: lineAt(entry.start), typeOnly: false, optional: entry.optional });

  const exports: Export[] = [];
  const exportAll: string[] = [];
  for (const statement of result.module.staticExports) {
    for (const entry of statement.entries) {
      const specifier = entry.moduleRequest?.value;
      const name = entry.exportName.kind === "Default" ? "default" : entry.exportName.name;
      if (specifier !== undefined) {
        imports.push({ specifier, line: lineAt(statement.start), typeOnly: entry.isType, optional: false });
        if (name === null) {
          exportAll.push(specifier);
          continue;
        }
      }
      // Overloads are one export.
      if (name === null || exports.some((known) => known.name === name)) continue;
      const local = declared.get(entry.localName.name ?? "") ?? declared.get(name);
      exports.push({
        name,
        line: lineAt(entry.start),
        kind: entry.isType ? "type" : (local?.kind ?? "unknown"),
        documented: local?.documented === true || isDocumented(statement.start),
        ...(specifier === undefined ? {} : { from: { specifier, name: entry.importName.name ?? "*" } }),
      });
    }
  }
  const comments = result.comments.map((comment: Comment) => ({
    text: comment.value,
    line: lineAt(comment.start),
    block: comment.type === "Block",
  }));
  return {
    path,
    lines: text.split("\n").length,
    imports,
    exports,
    exportAll: [...new Set(exportAll)],
    comments,
    functions: functions.map((fn) => ({ name: fn.name, line: lineAt(fn.start), complexity: fn.complexity })),
    testMarks: marks.map((mark) => ({ call: mark.call, line: lineAt(mark.start) })),
  };
}

/** Facts of a script of the repository, parsed once for the handle. Throws UnparsableSourceError on what is no script. */
export function moduleFacts(repo: Repository, path: string): Promise<ModuleFacts> {
  return repo.once(`module:${path}`, async () => readModule(path, await repo.text(path, 1024 * 1024)));
}

/** The same, for those who look at many modules and can do without a broken one. */
export function moduleFactsOrNull(repo: Repository, path: string): Promise<ModuleFacts | null> {
  return moduleFacts(repo, path).catch(() => null);
}
