import type { OrchestratorApi } from "../protocol/views.ts";
import type { ControlSocket } from "../server/control-socket.ts";
import type { Deps } from "./deps.ts";

export interface Control {
  /** Resolves when the command line can reach the fleet, or cannot for good. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * The command line beside a fleet talks to the process that owns the file. Opened in the background: a first task must
 * not wait 10 ms for node:http. A folder that can hold no socket costs the command line, never the fleet.
 */
export function openControl(api: OrchestratorApi, database: string, deps: Deps): Control {
  let closed = false;
  const opened: Promise<ControlSocket | undefined> = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
    if (closed || process.platform === "win32") return undefined;
    const { serveControlSocket } = await import("../server/control-socket.ts");
    return serveControlSocket(api, { database, clock: deps.clock, keepAlive: false });
  });
  opened.catch((error: unknown) => deps.log("warn", "the command line cannot reach this fleet", { why: String(error) }));
  return {
    ready: opened.then(
      () => {},
      () => {},
    ),
    async close() {
      closed = true;
      await (await opened.catch(() => undefined))?.close();
    },
  };
}
