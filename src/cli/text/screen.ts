import type { Output } from "../io.ts";

/** A drawing at the end of a terminal, and what is printed above it. */
export interface Screen {
  /** Replaces what is drawn. Lines must be narrower than the terminal: a full last cell wraps. */
  draw(lines: readonly string[]): void;
  /** Prints `text`, and the drawing again below it. */
  above(text: string): void;
}

export function createScreen(output: Pick<Output, "write">): Screen {
  let drawn: readonly string[] = [];
  const top = (): string => (drawn.length === 0 ? "" : `\x1b[${drawn.length}A\r`);
  // Lines are cleared to their end after they are written, not before: nothing flickers.
  const paint = (lines: readonly string[]): string => lines.map((line) => `${line}\x1b[K\n`).join("");
  return {
    draw(lines) {
      if (lines.length === drawn.length && lines.every((line, i) => line === drawn[i])) return;
      // One write, so that nothing tears.
      output.write(`${top()}${paint(lines)}\x1b[J`);
      drawn = [...lines];
    },
    above(text) {
      if (drawn.length === 0) return output.write(text);
      output.write(`${top()}\x1b[J${text}${paint(drawn)}`);
    },
  };
}
