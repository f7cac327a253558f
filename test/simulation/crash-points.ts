// Where a fault may strike. A wrapper that comes to such a place asks `reached`; the seed decides whether it strikes now.
import type { Schedule } from "./schedule.ts";

export const crashPoints = [
  // the store
  "before commit",
  "after commit, before it is acknowledged",
  "the store is full",
  "the store is busy",
  "the store breaks for no known reason",
  "a commit takes long",
  "a catalogue write fails",
  "during a slice of cancels",
  "before due tasks are stored",
  "after due tasks are stored",
  "before boot is stored",
  "after boot is stored",
  // an orchestrator, as it speaks and listens
  "before assign",
  "after assign",
  "before deliver",
  "after deliver",
  "before ack",
  "after ack",
  "before cancel is told",
  "before parked is told",
  "after parked is told",
  "before a settle is taken",
  "after a settle is taken",
  "before acts are taken",
  "after acts are taken",
  "an orchestrator freezes, another takes over",
  "an orchestrator freezes for a while",
  "an orchestrator frozen as it commits, another takes over",
  "an orchestrator drains and closes, another follows",
  // a worker
  "a worker dies while it executes",
  "a worker dies while its workflows wait",
  "a worker dies with its settle under way",
  "a worker dies with its acts under way",
  "a worker dies as tasks reach it",
  "a worker dies as a workflow is parked",
  "a worker dies as a workflow continues anew",
  "a worker freezes",
  "a worker drains",
  // a link
  "a link is lost",
  "a link is slow",
  "a message comes twice",
  "a message of an old life comes",
  // artifacts and time
  "an artifact cannot be put",
  "an artifact cannot be read",
  "the clock jumps forward",
  "the clock jumps back",
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** Those that end a life, or set another beside it. */
const endsLife: ReadonlySet<CrashPoint> = new Set([
  "before commit",
  "after commit, before it is acknowledged",
  "during a slice of cancels",
  "before due tasks are stored",
  "after due tasks are stored",
  "before boot is stored",
  "after boot is stored",
  "before assign",
  "after assign",
  "before deliver",
  "after deliver",
  "before ack",
  "after ack",
  "before cancel is told",
  "before parked is told",
  "after parked is told",
  "before a settle is taken",
  "after a settle is taken",
  "before acts are taken",
  "after acts are taken",
  "an orchestrator freezes, another takes over",
  "an orchestrator frozen as it commits, another takes over",
  "an orchestrator drains and closes, another follows",
]);

/** How often each struck. */
export type HitsOf<P extends string> = Record<P, number>;
export type Hits = HitsOf<CrashPoint>;

export function noHitsOf<P extends string>(points: readonly P[]): HitsOf<P> {
  return Object.fromEntries(points.map((p) => [p, 0])) as HitsOf<P>;
}
export function addHits<P extends string>(to: HitsOf<P>, hits: HitsOf<P>): void {
  for (const p of Object.keys(to) as P[]) to[p] += hits[p];
}
export function countHits<P extends string>(hits: HitsOf<P>): number {
  return (Object.keys(hits) as P[]).reduce((n, p) => n + hits[p], 0);
}

/** Times that a place is passed before its fault strikes: rare places strike at once, busy ones anywhere in the run. */
const passesMax: Partial<Record<CrashPoint, number>> = {
  "before commit": 60,
  "after commit, before it is acknowledged": 60,
  "the store is full": 60,
  "the store is busy": 60,
  "the store breaks for no known reason": 80,
  "a commit takes long": 60,
  "before assign": 40,
  "after assign": 40,
  "before deliver": 10,
  "after deliver": 15,
  // Only agents are told by a message, and few cancels are wide: they strike when they are first passed.
  "before cancel is told": 0.2,
  "during a slice of cancels": 0.2,
  "before a settle is taken": 60,
  "after a settle is taken": 60,
  "before acts are taken": 30,
  "after acts are taken": 30,
  "a worker dies while it executes": 40,
  "a worker dies with its settle under way": 50,
  "a worker dies with its acts under way": 30,
  "a message comes twice": 40,
};

/** The places of a kind of world. */
export interface Places<P extends string> {
  readonly points: readonly P[];
  /** @default 3 */
  readonly passesMax: Partial<Record<P, number>>;
  readonly endsLife: ReadonlySet<P>;
}
const ofOneLife: Places<CrashPoint> = { points: crashPoints, passesMax, endsLife };

export class PointsOf<P extends string> {
  readonly hits: HitsOf<P>;
  /** No fault strikes any more. */
  over = false;
  /** Lives go on from here: a mistake of one is not made good by the next one's boot. */
  onlyOneLife = false;
  readonly #schedule: Schedule;
  /** Passes left until it strikes. */
  readonly #left = new Map<P, number>();
  readonly #strike: (point: P) => void;
  readonly #places: Places<P>;
  readonly #weight: number;

  /** `strike` is told of each, for the record. */
  constructor(places: Places<P>, schedule: Schedule, strike: (point: P) => void) {
    this.#places = places;
    this.hits = noHitsOf(places.points);
    this.#schedule = schedule;
    this.#strike = strike;
    // Some seeds are calm for long, some are beaten from the start.
    this.#weight = 0.3 * 20 ** schedule.random();
    for (const p of places.points) this.#arm(p, 1);
  }

  #arm(point: P, times: number): void {
    const max = (this.#places.passesMax[point] ?? 3) * this.#weight * times;
    this.#left.set(point, this.#schedule.below(Math.max(1, max)));
  }

  reached(point: P): boolean {
    if (!this.mayStrike(point)) return false;
    const left = this.#left.get(point) as number;
    if (left > 0) {
      this.#left.set(point, left - 1);
      return false;
    }
    this.strikes(point);
    // A second time in the same run is rarer, so that the run gets on.
    this.#arm(point, 6 * (1 + this.hits[point]));
    return true;
  }

  mayStrike(point: P): boolean {
    return !this.over && !(this.onlyOneLife && this.#places.endsLife.has(point));
  }

  /** It strikes now: chosen by the world, not by a place that was passed. */
  strikes(point: P): void {
    this.hits[point]++;
    this.#strike(point);
  }
}

export class Points extends PointsOf<CrashPoint> {
  constructor(schedule: Schedule, strike: (point: CrashPoint) => void) {
    super(ofOneLife, schedule, strike);
  }
}
