import type { Random } from "../../core/random.ts";

/** 2^20: with it 2^33 lives fit below 2^53. */
const skipMax = 1_048_576;

/**
 * How many boot numbers a new life leaves out. Two copies of one file would both go on with the next number, and with the
 * next lease number of each task: a worker of the one could settle a task of the other. Drawn at random, they part.
 */
export function bootSkip(random: Random): number {
  return Math.floor(random() * skipMax);
}
