/** Uniform in [0, 1). One source travels in `deps`; a seed replays a history. */
export type Random = () => number;

/** Seeded generator: mulberry32 (Tommy Ettinger, 2017), period 2^32, ample for jitter and schedules; never for secrets. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
