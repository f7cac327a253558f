// Cells of a terminal, not characters: é is one, 文 and 🚀 are two, a colour is none.
import { stripVTControlCharacters } from "node:util";

const segmenter = new Intl.Segmenter();
const simple = /^[\x20-\x7e]*$/;
const zero = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])|\ufe0f/u;

export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (simple.test(plain)) return plain.length;
  let cells = 0;
  for (const { segment } of segmenter.segment(plain)) cells += cellsOf(segment);
  return cells;
}

function cellsOf(segment: string): number {
  if (zero.test(segment)) return 0;
  return wide.test(segment) ? 2 : 1;
}

/** At most `cells` wide; what was cut shows as `ellipsis`. Plain text only: colours are added after it. */
export function cut(text: string, cells: number, ellipsis: string): string {
  if (widthOf(text) <= cells) return text;
  const room = cells - widthOf(ellipsis);
  if (room < 0) return ellipsis.slice(0, Math.max(0, cells));
  let out = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += cellsOf(segment);
    if (used > room) break;
    out += segment;
  }
  return out + ellipsis;
}

export function padEnd(text: string, cells: number): string {
  return text + " ".repeat(Math.max(0, cells - widthOf(text)));
}

export function padStart(text: string, cells: number): string {
  return " ".repeat(Math.max(0, cells - widthOf(text))) + text;
}

/** One line without control characters: what users and models wrote must not steer the terminal. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\x00-\x1f\x7f-\x9f]+/g, " ")
    .trim();
}

/** As `oneLine`, with its line ends and tabs kept. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]+/g, " ");
}

/** Words in lines of at most `cells`; a longer word (a path, a URL) stays whole, to be copied. */
export function wrap(text: string, cells: number): string[] {
  const lines: string[] = [];
  for (const given of printable(text).split("\n")) {
    let line = "";
    for (const word of given.split(" ")) {
      if (line !== "" && widthOf(line) + 1 + widthOf(word) > cells) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
