import { styleText } from "node:util";
import type { Output } from "../io.ts";

type Format = Parameters<typeof styleText>[0];

/** How one stream is written to: colours or none, glyphs or ASCII. Meaning never hangs on colour alone. */
export interface Theme {
  readonly paint: (format: Format, text: string) => string;
  readonly glyphs: Glyphs;
}

export interface Glyphs {
  readonly ok: string;
  readonly fail: string;
  readonly warn: string;
  readonly run: string;
  readonly off: string;
  readonly dot: string;
  readonly ellipsis: string;
  readonly arrow: string;
  /** Eighths of a cell, empty to full. */
  readonly bar: readonly string[];
}

const unicode: Glyphs = {
  ok: "✔",
  fail: "✖",
  warn: "!",
  run: "●",
  off: "○",
  dot: "·",
  ellipsis: "…",
  arrow: "→",
  bar: ["·", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
};
const ascii: Glyphs = {
  ok: "+",
  fail: "x",
  warn: "!",
  run: "*",
  off: "o",
  dot: "-",
  ellipsis: "...",
  arrow: "->",
  bar: [".", "#"],
};

export interface ThemeOptions {
  readonly output: Pick<Output, "isTTY">;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--no-color` makes it false. */
  readonly color?: boolean;
}

export function createTheme({ output, env, color = true }: ThemeOptions): Theme {
  const colored = color && wantsColor(output, env);
  return {
    // The stream is judged here, by the same rules for both and in tests; styleText must not judge again.
    paint: (format, text) => (colored ? styleText(format, text, { validateStream: false }) : text),
    glyphs: speaksUnicode(env) ? unicode : ascii,
  };
}

/** For tests and for text that is stored. */
export const plainTheme: Theme = { paint: (_, text) => text, glyphs: unicode };
export const asciiTheme: Theme = { paint: (_, text) => text, glyphs: ascii };

function wantsColor(output: Pick<Output, "isTTY">, env: ThemeOptions["env"]): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] !== undefined) return env["FORCE_COLOR"] !== "0";
  return output.isTTY && env["TERM"] !== "dumb";
}

/** No locale at all (containers) still means a terminal of today; one that names another character set does not. */
function speaksUnicode(env: ThemeOptions["env"]): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return env["TERM"] !== "linux" && env["TERM"] !== "dumb" && (locale === "" || /utf-?8/i.test(locale));
}
