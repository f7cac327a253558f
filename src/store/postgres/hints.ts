// What one life tells the others over NOTIFY, as text. All of it is a hint: a look finds the same, later.
import { createHash } from "node:crypto";

export interface Hints {
  /** Lanes that have new ready tasks. */
  readonly lanes: readonly number[];
  /** Lives for which notices wait. */
  readonly boots: readonly number[];
  /** Runs with new events, or that have ended. */
  readonly runs: readonly number[];
  readonly catalogue: boolean;
  /** There was too much to say, or it could not be said: look at everything. */
  readonly missed: boolean;
}

/** PostgreSQL refuses a payload of 8,000 bytes. */
const payloadBytesMax = 7_900;
/** Beyond it a look costs less than reading them all. */
const payloadsMax = 8;
/** Of an identifier, in bytes. */
const nameMax = 63;

/** One channel for each schema: stores that share a database do not wake each other. */
export function channelOf(schema: string): string {
  const name = `flotilla:${schema}`;
  return Buffer.byteLength(name) <= nameMax ? name : `flotilla:${createHash("sha256").update(schema).digest("hex").slice(0, 32)}`;
}

interface Wire {
  /** Who says it: nobody needs to hear himself. */
  f: string;
  l?: number[];
  b?: number[];
  r?: number[];
  c?: 1;
  m?: 1;
}

export function encodeHints(from: string, h: Hints): string[] {
  const missed = [JSON.stringify({ f: from, m: 1 } satisfies Wire)];
  if (h.missed) return missed;
  const payloads: string[] = [];
  let wire: Wire = { f: from, ...(h.catalogue ? { c: 1 as const } : {}) };
  const empty = () => JSON.stringify({ f: from } satisfies Wire).length;
  let bytes = JSON.stringify(wire).length;
  const flush = () => {
    if (bytes > empty()) payloads.push(JSON.stringify(wire));
    wire = { f: from };
    bytes = empty();
  };
  const add = (key: "b" | "l" | "r", ids: readonly number[]) => {
    for (const id of ids) {
      // The list's own `,"x":[]`, and a comma.
      const more = String(id).length + 1 + (wire[key] ? 0 : 7);
      if (bytes + more > payloadBytesMax) flush();
      (wire[key] ??= []).push(id);
      bytes += more;
    }
  };
  // Whoever holds what has happened first, then who may run something, then who only watches.
  add("b", h.boots);
  add("l", h.lanes);
  add("r", h.runs);
  flush();
  return payloads.length > payloadsMax ? missed : payloads;
}

/** null: not ours. Whoever may connect to the database may notify, so nothing of it is taken on trust. */
export function decodeHints(payload: string): { readonly from: string; readonly hints: Hints } | null {
  let wire: Partial<Record<keyof Wire, unknown>>;
  try {
    wire = JSON.parse(payload) as typeof wire;
  } catch {
    return null;
  }
  if (typeof wire !== "object" || wire === null || typeof wire.f !== "string") return null;
  const ids = (value: unknown): number[] =>
    Array.isArray(value) ? value.filter((id): id is number => Number.isSafeInteger(id)) : [];
  return {
    from: wire.f,
    hints: { lanes: ids(wire.l), boots: ids(wire.b), runs: ids(wire.r), catalogue: wire.c === 1, missed: wire.m === 1 },
  };
}
