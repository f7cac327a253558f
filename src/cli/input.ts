// What `--input` may hold: `key=value` (as often as wanted), `@file.json`, `-` for stdin, or JSON itself.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Io } from "./io.ts";
import { UsageError } from "./usage-error.ts";

/** Where a value was given: what errors name, and where they send the reader. */
export interface Given {
  readonly option: string;
  readonly help: string;
}
type Sources = Pick<Io, "cwd" | "readStdin" | "stdinIsTTY">;

const help = "flotilla run --help";
const input: Given = { option: "--input", help };

/** The input as a value; `{}` when nothing was given. */
export async function readInput(given: readonly string[], io: Sources): Promise<unknown> {
  const parts: unknown[] = [];
  for (const text of given) parts.push(await readPart(text, io));
  const only = parts[0];
  if (parts.length === 1) return only;
  return Object.assign({}, ...parts.map((part, i) => asObject(part, given[i] ?? ""))) as unknown;
}

async function readPart(text: string, io: Sources): Promise<unknown> {
  if (text === "-") return await fromStdin(io, input);
  if (text.startsWith("@")) return await fromFile(text.slice(1), io.cwd, input);
  const pair = /^([A-Za-z_$][\w$-]*(?:\.[\w$-]+)*)=(.*)$/s.exec(text);
  if (pair) return nested((pair[1] as string).split("."), typed(pair[2] as string, input));
  if (/^\s*[[{"]/.test(text)) return parseJson(text, input.option, input);
  throw new UsageError(`--input ${JSON.stringify(text)} is neither key=value, @file.json, - nor JSON`, {
    why: text.includes("=") ? "a key is letters, digits, _ and -" : "there is no = in it",
    fix: ["write --input key=value, as often as there are keys", "or --input @input.json"],
    more: help,
  });
}

/** One value: JSON, `@file.json`, `-` for stdin; what reads as no JSON is text. */
export async function readValue(text: string, io: Sources, given: Given): Promise<unknown> {
  if (text === "-") return await fromStdin(io, given);
  return text.startsWith("@") ? await fromFile(text.slice(1), io.cwd, given) : typed(text, given);
}

/** Numbers, booleans, null, lists and objects when it reads as such JSON; text otherwise. `'"5"'` is the text 5. */
function typed(text: string, given: Given): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (/^[[{]/.test(text)) return parseJson(text, given.option, given);
    return text;
  }
}

/** `a.b=1` is `{ a: { b: 1 } }`. */
function nested(path: readonly string[], value: unknown): unknown {
  return path.toReversed().reduce((inner, key) => ({ [key]: inner }), value);
}

async function fromFile(path: string, cwd: string, given: Given): Promise<unknown> {
  const file = resolve(cwd, path);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EACCES"
          ? "this user may not read it"
          : code === "EISDIR"
            ? "it is a folder"
            : message;
    throw new UsageError(`Cannot read the input file ${file}`, {
      why,
      fix: ["check the path; it starts from the current folder"],
      more: given.help,
    });
  }
  return parseJson(text, file, given);
}

async function fromStdin(io: Pick<Io, "readStdin" | "stdinIsTTY">, given: Given): Promise<unknown> {
  if (io.stdinIsTTY) {
    throw new UsageError(`${given.option} - reads stdin, and stdin is this terminal`, {
      fix: ["pipe it in: cat input.json | flotilla ..."],
      more: given.help,
    });
  }
  return parseJson(await io.readStdin(), "stdin", given);
}

function parseJson(text: string, source: string, given: Given): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const empty = text.trim() === "";
    throw new UsageError(`${source} is not JSON`, {
      why: empty ? "it is empty" : (error as Error).message,
      fix: [
        source === given.option
          ? `quote it for the shell: ${given.option === "VALUE" ? "" : `${given.option} `}'{"key": [1, 2]}'`
          : "correct it; node -e 'JSON.parse(...)' shows the place",
      ],
      more: given.help,
    });
  }
}

function asObject(part: unknown, text: string): object {
  if (typeof part === "object" && part !== null && !Array.isArray(part)) return part;
  throw new UsageError(`--input ${text} is no object, so it cannot be merged with the others`, {
    fix: ["give it alone, or under a key: --input key=..."],
    more: help,
  });
}
