// The HTTP API for a server that is already there: one function from a standard request to its answer.
import type { Clock } from "../core/clock.ts";
import type { LogSink } from "../core/log.ts";
import type { ServedOrchestrator } from "../protocol/access.ts";
import { createApp } from "./app.ts";
import type { HookSettings } from "./hooks/settings.ts";
import { openEntrance } from "./entrance.ts";
import { AnswerCounts, metricsText, type CommitTimes } from "./metrics.ts";
import type { ServerSettings } from "./settings.ts";

/** `env`: what Hono's adapter for Node passes on, the request of Node's own server. */
export type FetchHandler = (request: Request, env?: unknown) => Promise<Response>;

export interface MountedDeps {
  readonly clock: Clock;
  readonly log: LogSink;
  readonly commits: () => CommitTimes;
  /** Aborts long polls and event streams: the fleet closes. */
  readonly closing: AbortSignal;
  /** What signed requests start. @default nothing */
  readonly hooks?: readonly HookSettings[];
}

export async function mountedFetch(
  orchestrator: ServedOrchestrator,
  settings: ServerSettings,
  deps: MountedDeps,
): Promise<FetchHandler> {
  // The host server decides by which names it is called, unless the config does.
  const sites = settings.namesHosts ? settings.sites : { ...settings.sites, hosts: null };
  const { entrance } = await openEntrance(orchestrator, { ...settings, sites }, deps.clock);
  const answers = new AnswerCounts();
  const { basePath } = settings;
  const app = createApp(orchestrator, {
    ...deps,
    entrance,
    basePath,
    answered: (status) => answers.add(status),
    metrics: async () =>
      metricsText({
        health: await orchestrator.health(),
        workers: await orchestrator.workers(),
        commits: deps.commits(),
        answers,
        connections: null,
        residentBytes: process.memoryUsage.rss(),
      }),
  });
  return async (request, env) => app.fetch(withoutBase(request, basePath), env);
}

/** Some servers cut off the path of a mount, some do not. */
export function withoutBase(request: Request, basePath: string): Request {
  const url = new URL(request.url);
  if (basePath === "" || !url.pathname.startsWith(`${basePath}/`)) return request;
  url.pathname = url.pathname.slice(basePath.length);
  return new Request(url, request);
}
