import type { OrchestratorApi } from "../../protocol/views.ts";
import type { Context } from "../context.ts";
import { statusLine } from "./status-line.ts";

const everyMs = 500;

/** Keeps one line under everything that is printed while the fleet is up; nothing when nobody looks. */
export function drawStatus(api: OrchestratorApi, c: Context): { end(): void } {
  if (!c.err.isTTY || c.globals.quiet) return { end() {} };
  let ended = false;
  let timer = { cancel() {} };
  const draw = async (): Promise<void> => {
    const health = await api.health().catch(() => undefined);
    if (ended) return;
    if (health) c.err.draw([statusLine(health, (c.err.columns ?? 80) - 1, c.err.theme)]);
    timer = c.io.clock.after(everyMs, () => void draw());
  };
  void draw();
  return {
    end() {
      ended = true;
      timer.cancel();
      c.err.draw([]);
    },
  };
}
