// Public ids. A run is `r_<secret><id>`, its root task `t_<secret><id>`, the tasks below it `t_<secret><id>.3.1`:
// the path of acts that leads there. `secret` is 128 random bits (26 letters), `id` the internal number in base 32.
// So a child's id is known at the ask without a round trip, needs no column and no index (a random one costs 9 us
// of 12 a row, bench/schema.md), and is as hard to guess as its run.

/** Crockford's alphabet: no i, l, o, u. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

const shape = /^([rt])_([0-9a-hjkmnp-tv-z]{26})([0-9a-hjkmnp-tv-z]{1,11})((?:\.[1-9]\d{0,8})*)$/;

/** 26 letters from 16 random bytes (the last two bits are zero). */
export function secretFrom(bytes: Uint8Array, offset = 0): string {
  let out = "";
  let buffer = 0;
  let bits = 0;
  for (let i = offset; i < offset + 16; i++) {
    buffer = ((buffer << 8) | (bytes[i] as number)) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += alphabet[(buffer >> bits) & 31];
    }
  }
  return out + alphabet[(buffer << (5 - bits)) & 31];
}

function base32(n: number): string {
  let out = "";
  do {
    out = alphabet[n % 32] + out;
    n = Math.floor(n / 32);
  } while (n > 0);
  return out;
}

export function runId(secret: string, id: number): string {
  return `r_${secret}${base32(id)}`;
}

export function rootTaskId(secret: string, id: number): string {
  return `t_${secret}${base32(id)}`;
}

export function childTaskId(parent: string, act: number): string {
  return `${parent}.${act}`;
}

/** What a task's code asked of people, by the act that asked. */
export function approvalId(task: string, act: number): string {
  return `a_${task.slice(2)}.${act}`;
}

/** The task and its act behind an approval's id; undefined when `text` is none. */
export function parseApprovalId(text: string): { readonly task: string; readonly act: number } | undefined {
  const dot = text.lastIndexOf(".");
  const task = `t_${text.slice(2, dot)}`;
  const act = Number(text.slice(dot + 1));
  return text.startsWith("a_") && dot > 0 && Number.isSafeInteger(act) && parseId(task) ? { task, act } : undefined;
}

/** The run that a public task id belongs to. */
export function runOf(taskId: string): string {
  const dot = taskId.indexOf(".");
  return `r_${taskId.slice(2, dot < 0 ? undefined : dot)}`;
}

export interface ParsedId {
  readonly kind: "run" | "task";
  readonly secret: string;
  /** Internal id of the root task. */
  readonly root: number;
  /** Acts from the root down; empty for a run or a root task. */
  readonly path: readonly number[];
}

/** A run's id, taken apart without a regular expression: every wait for a result passes here (0.1 us against 0.4). */
export function parseRunId(text: string): { readonly secret: string; readonly root: number } | undefined {
  if (text.length <= 28 || text.length > 39 || text.charCodeAt(0) !== 114 || text.charCodeAt(1) !== 95) return undefined;
  let root = 0;
  for (let i = 28; i < text.length; i++) {
    const digit = alphabet.indexOf(text[i] as string);
    if (digit < 0) return undefined;
    root = root * 32 + digit;
  }
  return { secret: text.slice(2, 28), root };
}

/** undefined when `text` is not an id of ours. */
export function parseId(text: string): ParsedId | undefined {
  const match = shape.exec(text);
  if (!match) return undefined;
  let root = 0;
  for (const letter of match[3] as string) root = root * 32 + alphabet.indexOf(letter);
  const path = (match[4] as string).split(".").slice(1).map(Number);
  if (match[1] === "r" && path.length > 0) return undefined;
  return { kind: match[1] === "r" ? "run" : "task", secret: match[2] as string, root, path };
}

export const secretBytes = 16;
