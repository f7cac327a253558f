// Every error in one shape: what, where, why, what to do, where to read more.
import { errorJson } from "../../core/error.ts";
import type { ErrorJson } from "../../core/error.ts";
import { UsageError } from "../usage-error.ts";
import { renderFields } from "./fields.ts";
import type { Theme } from "./theme.ts";
import { oneLine } from "./width.ts";

export interface ErrorStyle {
  readonly columns: number | undefined;
  readonly theme: Theme;
}

/** Lines for a person. */
export function renderThrown(thrown: unknown, style: ErrorStyle): string[] {
  if (!(thrown instanceof UsageError)) return renderError(errorJson(thrown), style);
  const { paint, glyphs } = style.theme;
  const fields = [["why", thrown.why], ...fixes(thrown.fix), ["more", thrown.more]] as const;
  return [paint("red", `${glyphs.fail} ${oneLine(thrown.message)}`), ...renderFields(fields, { ...style, indent: 2 })];
}

export function renderError(error: ErrorJson, style: ErrorStyle): string[] {
  const { paint, glyphs } = style.theme;
  const known = error.code.startsWith("FLOTILLA_") && error.code !== "FLOTILLA_DECLARED";
  const head = known
    ? `${paint(["red", "bold"], error.code)} ${oneLine(error.title ?? error.message)}`
    : paint(["red", "bold"], oneLine(titleOf(error)));
  const fields: [string, string][] = [
    ["where", error.where ?? ""],
    ["why", error.why ?? (known ? error.message : whyOf(error))],
    ...fixes(error.fix ?? []),
    ["stack", framesOf(error)],
    ...causes(error.cause),
    ["more", known ? `flotilla explain ${error.code}` : ""],
  ];
  return [`${paint("red", glyphs.fail)} ${head}`, ...renderFields(fields, { ...style, indent: 2 })];
}

/** One error in one line: what went wrong first, as the errors around it only say that it did. */
export function briefError(error: ErrorJson): string {
  if (error.cause !== undefined && error.code === "FLOTILLA_AGENT_FAILED") return briefError(error.cause);
  if (error.title !== undefined) return oneLine(`${error.title}: ${error.why ?? error.message}`);
  return oneLine(error.code === "FLOTILLA_DECLARED" ? error.message : titleOf(error));
}

function fixes(fix: readonly string[]): [string, string][] {
  return fix.map((text) => ["fix", text]);
}

/** A foreign error has a name and a message only; a declared one has data. */
function titleOf(error: ErrorJson): string {
  return error.name === undefined || error.name === "Error"
    ? firstLine(error.message)
    : error.code === "FLOTILLA_DECLARED"
      ? error.name
      : `${error.name}: ${firstLine(error.message)}`;
}

function whyOf(error: ErrorJson): string {
  if (error.code === "FLOTILLA_DECLARED") return JSON.stringify(error.data) ?? "";
  return error.message.split("\n").slice(1).join("\n").trim();
}

/** Where this package's own code lies. */
const ownCode = new URL("../../", import.meta.url).href;

/** The frames of user code; ours, Node's and those of packages say little. */
function framesOf(error: ErrorJson): string {
  const frames = (error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !/node:|node_modules/.test(line) && !line.includes(ownCode));
  return frames
    .slice(0, 3)
    .map((line) => line.trim())
    .join("\n");
}

function causes(cause: ErrorJson | undefined, depth = 0): [string, string][] {
  if (cause === undefined || depth === 3) return [];
  const text = cause.title === undefined ? titleOf(cause) : `${cause.code} ${cause.title}: ${cause.why ?? ""}`;
  const details = [text, whyOf(cause), framesOf(cause)].filter((part) => part !== "" && cause.title === undefined);
  return [["cause", cause.title === undefined ? details.join("\n") : text], ...causes(cause.cause, depth + 1)];
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
