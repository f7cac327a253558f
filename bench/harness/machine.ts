import { availableParallelism, cpus, loadavg } from "node:os";

/** Thousands of small JSON round trips per second: how fast this machine is this minute, to compare runs by. */
export function jsonSpeed(): number {
  const value = { id: 17, name: "review", path: "src/core/error.ts", tags: ["a", "b"], at: 1_700_000_000_000 };
  const started = performance.now();
  let n = 0;
  let kept = 0;
  while (performance.now() - started < 200) {
    for (let i = 0; i < 1_000; i++) kept += (JSON.parse(JSON.stringify(value)) as { id: number }).id;
    n++;
  }
  if (kept === 0) throw new Error("unreachable: keeps the loop from being removed");
  return n / ((performance.now() - started) / 1_000);
}

export function machine(): Record<string, unknown> {
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    load1m: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    kjsonPerS: Math.round(jsonSpeed()),
  };
}
