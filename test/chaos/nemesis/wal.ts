// The tail of a write-ahead log after a crash (sqlite.org/fileformat2.html#walformat). What was acknowledged ends with a
// commit frame that was synced; past it a crash may leave anything: nothing, garbage, half a frame, or whole frames of a
// transaction that never committed.
import { existsSync, openSync, closeSync, readFileSync, writeSync, ftruncateSync } from "node:fs";
import type { Random } from "../../../src/core/random.ts";

const headerBytes = 32;
const frameHeaderBytes = 24;

export interface WalFrame {
  /** Where it begins in the file. */
  readonly at: number;
  readonly commits: boolean;
}
export interface Wal {
  readonly bytes: Buffer;
  readonly frameBytes: number;
  /** Frames that SQLite would read: right salts, right checksums, from the first on. */
  readonly frames: readonly WalFrame[];
}

/** Running sums over pairs of words, as SQLite keeps them over all frames. */
function sum(bytes: Buffer, [a, b]: readonly [number, number], big: boolean): [number, number] {
  const word = (at: number) => (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + word(at) + b) >>> 0;
    b = (b + word(at + 4) + a) >>> 0;
  }
  return [a, b];
}

/** Null when there is no log, or an empty one. */
export function readWal(db: string): Wal | null {
  const path = `${db}-wal`;
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  if (bytes.length < headerBytes) return null;
  const big = (bytes.readUInt32BE(0) & 1) === 1;
  const frameBytes = frameHeaderBytes + bytes.readUInt32BE(8);
  const salts = bytes.subarray(16, 24);
  let sums = sum(bytes.subarray(0, 24), [0, 0], big);
  const frames: WalFrame[] = [];
  for (let at = headerBytes; at + frameBytes <= bytes.length; at += frameBytes) {
    const frame = bytes.subarray(at, at + frameBytes);
    if (!frame.subarray(8, 16).equals(salts)) break;
    sums = sum(frame.subarray(frameHeaderBytes), sum(frame.subarray(0, 8), sums, big), big);
    if (frame.readUInt32BE(16) !== sums[0] || frame.readUInt32BE(20) !== sums[1]) break;
    frames.push({ at, commits: frame.readUInt32BE(4) !== 0 });
  }
  return { bytes, frameBytes, frames };
}

/** The end of what a power cut must leave. */
export function committedBytes(wal: Wal): number {
  const last = wal.frames.findLast((f) => f.commits);
  return last ? last.at + wal.frameBytes : headerBytes;
}

export type Tear = "cut" | "garbage" | "half a frame" | "an uncommitted transaction";
export const tears: readonly Tear[] = ["cut", "garbage", "half a frame", "an uncommitted transaction"];

/** Leaves past the last commit what a torn write might. @returns false when there is no log to tear */
export function tearTail(db: string, tear: Tear, random: Random): boolean {
  const wal = readWal(db);
  if (!wal || wal.frames.length === 0) return false;
  replaceTail(db, committedBytes(wal), tailOf(wal, tear, random));
  return true;
}

/** Takes back the last committed transaction: what no crash may do to a file whose commits are synced. */
export function takeBackCommit(db: string): boolean {
  const wal = readWal(db);
  const commits = wal?.frames.filter((f) => f.commits) ?? [];
  if (!wal || commits.length < 2) return false;
  replaceTail(db, (commits.at(-2) as WalFrame).at + wal.frameBytes, Buffer.alloc(0));
  return true;
}

function replaceTail(db: string, from: number, tail: Buffer): void {
  const fd = openSync(`${db}-wal`, "r+");
  try {
    ftruncateSync(fd, from);
    if (tail.length > 0) writeSync(fd, tail, 0, tail.length, from);
  } finally {
    closeSync(fd);
  }
}

function tailOf(wal: Wal, tear: Tear, random: Random): Buffer {
  switch (tear) {
    case "cut":
      return Buffer.alloc(0);
    case "garbage":
      return Buffer.from(Array.from({ length: 1 + Math.floor(random() * 3 * wal.frameBytes) }, () => Math.floor(random() * 256)));
    case "half a frame":
      return uncommitted(wal, 1).subarray(0, frameHeaderBytes + Math.floor(random() * (wal.frameBytes - frameHeaderBytes)));
    case "an uncommitted transaction":
      return uncommitted(wal, 1 + Math.floor(random() * 3));
  }
}

/** Whole frames with the right salts and checksums that overwrite page 1 and more, and no commit behind them. */
function uncommitted(wal: Wal, count: number): Buffer {
  const big = (wal.bytes.readUInt32BE(0) & 1) === 1;
  const at = committedBytes(wal) - wal.frameBytes;
  let sums: [number, number] = [wal.bytes.readUInt32BE(at + 16), wal.bytes.readUInt32BE(at + 20)];
  const frames = Array.from({ length: count }, (_, i) => {
    const frame = Buffer.alloc(wal.frameBytes, 0xa5);
    frame.writeUInt32BE(i + 1, 0);
    frame.writeUInt32BE(0, 4);
    wal.bytes.copy(frame, 8, 16, 24);
    sums = sum(frame.subarray(frameHeaderBytes), sum(frame.subarray(0, 8), sums, big), big);
    frame.writeUInt32BE(sums[0], 16);
    frame.writeUInt32BE(sums[1], 20);
    return frame;
  });
  return Buffer.concat(frames);
}
