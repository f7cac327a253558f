// Words, numbers and escapes that every format of the report shares. What a finding quotes comes from the audited
// repository, so each string is hostile until it went through one of these.

/**
 * Controls, bidi overrides and invisible characters: they reorder or hide what a reader sees ("Trojan Source"), and
 * several are not even legal in HTML. Zero-width joiners stay: emoji and several scripts need them.
 */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** The text with every unseen character spelled out, such as `⟨U+202E⟩`. White space becomes plain spaces. */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\t\n\r]+/g, " ")
    .replace(UNSEEN, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Safe as HTML text and inside a quoted attribute. */
export function html(text: string): string {
  return visible(text).replace(/[&<>"']/g, (c) => HTML[c]!);
}

/** What renderers turn into a link on their own, whatever is escaped around it. */
const AUTOLINK = /(?:\b(?:https?|ftp):\/\/|\bmailto:|\bxmpp:|\bwww\.|[\w.+-]+@[\w-]+\.)\S*/gi;

/** Safe as running Markdown text and inside a table cell: no markup, no HTML, no mention, and addresses as code. */
export function md(text: string): string {
  const shown = visible(text);
  let out = "";
  let at = 0;
  for (const { 0: address, index } of shown.matchAll(AUTOLINK)) {
    out += escapeMd(shown.slice(at, index)) + mdCode(address);
    at = index + address.length;
  }
  return out + escapeMd(shown.slice(at));
}

function escapeMd(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[\\`*_{}[\]()#+!|~$]/g, "\\$&")
    .replace(/^(\s*)(\d+)([.)])/, "$1$2\\$3")
    .replace(/^(\s*)([-=])/, "$1\\$2")
    .replace(/@(?=\w)/g, "&#64;");
}

/** A code span that no content can close, whole inside a table cell. */
export function mdCode(text: string): string {
  const shown = visible(text).replace(/\|/g, "¦");
  if (shown.trim() === "") return "";
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = "`".repeat(longest + 1);
  const pad = shown.startsWith("`") || shown.endsWith("`") ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** Cut in code points, never inside a surrogate pair. */
export function cut(text: string, length: number): string {
  const points = [...text];
  return points.length <= length ? text : `${points.slice(0, length - 1).join("")}…`;
}

/** `1954` as `1,954`. Without Intl: the same bytes on every machine. */
export function count(n: number): string {
  const [whole, rest] = String(n).split(".");
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** `+3`, `−2` with a real minus sign, `±0`. */
export function signed(n: number): string {
  return n > 0 ? `+${count(n)}` : n < 0 ? `−${count(-n)}` : "±0";
}

export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`;
}

/** `2026-11-22 10:00 UTC`; text that is no instant is shown as it is. */
export function instant(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function duration(fromIso: string, toIso: string): string {
  const ms = Date.parse(toIso) - Date.parse(fromIso);
  if (!Number.isFinite(ms) || ms < 0) return "unknown time";
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  return s < 3600 ? `${Math.floor(s / 60)} m ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
}

/** `dead-path` as `dead path`: how a rule is named in a sentence. */
export function ruleName(rule: string): string {
  return rule.replace(/-/g, " ");
}

export function place(at: { readonly path: string; readonly line?: number }): string {
  if (at.path === "") return "repository";
  return at.line === undefined ? at.path : `${at.path}:${at.line}`;
}
