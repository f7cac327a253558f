// The same measures on PostgreSQL: a real server with its stock durability, on the same cores as everything else.
import { startPostgres, type Server } from "../../test/postgres/start.ts";
import type { Bench, Case, Settings } from "../harness/bench.ts";
import { median, percentile, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

const file = (name: string) => new URL(`../work/${name}.ts`, import.meta.url);

let schemas = 0;
function schema(server: Server): string {
  return `${server.url}?schema=bench_${process.pid}_${++schemas}`;
}

async function* onServer(run: (server: Server) => AsyncIterable<Case>): AsyncGenerator<Case> {
  const server = await startPostgres({ durable: true });
  try {
    yield* run(server);
  } finally {
    await server.stop();
  }
}

export const postgresThroughput: Bench = {
  name: "postgres.throughput",
  run: (s) => onServer((server) => throughput(server, s)),
};

async function* throughput(server: Server, s: Settings): AsyncGenerator<Case> {
  const tasks = s.quick ? 2_000 : 40_000;
  const pairs = s.quick ? 1 : 5;
  const load = { tasks, inFlight: 2_000, slots: 2_000 };
  const mine: number[] = [];
  const raws = new Map<string, number[]>();
  for (let pair = 1; pair <= pairs; pair++) {
    s.progress(`pair ${pair} of ${pairs}`);
    mine.push(await inChild(file("throughput"), { ...load, url: schema(server), durability: "power" }));
    for (const [batch, connections] of [
      [100, 1],
      [500, 1],
      [100, 4],
      [500, 4],
    ] as const) {
      const rate = await inChild<number>(file("raw-postgres"), { url: server.url, tasks, batch, connections });
      const key = `raw${batch}x${connections}`;
      raws.set(key, [...(raws.get(key) ?? []), rate]);
    }
  }
  const rates = Object.fromEntries([...raws].map(([key, r]) => [key, Math.round(median(r))]));
  yield {
    case: "power",
    ...spread(mine),
    unit: "tasks/s",
    limit: Math.max(...Object.values(rates)),
    settings: { ...load, pairs, ...rates },
  };
}

export const postgresIdle: Bench = { name: "postgres.idle", run: (s) => onServer((server) => idle(server, s)) };

async function* idle(server: Server, s: Settings): AsyncGenerator<Case> {
  const rounds = s.quick ? 100 : 1_000;
  const commits = await inChild<number[]>(file("raw-postgres-commit"), { url: server.url, rounds });
  const { start, result } = await inChild<{ start: number[]; result: number[] }>(file("idle"), {
    url: schema(server),
    durability: "power",
    rounds,
  });
  const far = await inChild<number[]>(file("far"), { url: schema(server), rounds: s.quick ? 50 : 500, deaf: false });
  const deaf = await inChild<number[]>(file("far"), { url: schema(server), rounds: s.quick ? 20 : 200, deaf: true });
  for (const [name, values, acts] of [
    ["start", start, 1],
    ["result", result, 2],
    // Submitted at one orchestrator, run by a worker of another: stored here, claimed there.
    ["far", far, 2],
    ["far-without-hints", deaf, 2],
  ] as const) {
    for (const [p, label] of [
      [0.5, "p50"],
      [0.99, "p99"],
    ] as const) {
      yield {
        case: `${name}.${label}`,
        value: percentile(values, p),
        unit: "ms",
        limit: percentile(commits, p) * acts,
        min: Math.min(...values),
        max: Math.max(...values),
        n: values.length,
        settings: { oneCommitMs: median(commits) },
      };
    }
  }
}

export const postgresFanout: Bench = { name: "postgres.fanout", run: (s) => onServer((server) => fanout(server, s)) };

async function* fanout(server: Server, s: Settings): AsyncGenerator<Case> {
  for (const children of s.quick ? [100, 500] : [1_000, 10_000, 100_000]) {
    const slots = 512;
    const turns = s.quick || children >= 100_000 ? 1 : 3;
    const seconds: number[] = [];
    const limits: number[] = [];
    for (let turn = 1; turn <= turns; turn++) {
      s.progress(`${children} children, turn ${turn} of ${turns}`);
      seconds.push(...(await inChild<number[]>(file("fanout"), { url: schema(server), children, rounds: 1, slots })));
      const o = { url: server.url, tasks: children, batch: Math.min(500, children), connections: 1 };
      limits.push(children / (await inChild<number>(file("raw-postgres"), o)));
    }
    yield { case: String(children), ...spread(seconds), unit: "s", limit: median(limits), settings: { slots } };
  }
}
