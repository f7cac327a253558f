import { expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { errorJson, FlotillaError } from "../../core/error.ts";
import type { WorkerHost, WorkerLink } from "../../protocol/worker.ts";
import { RemoteSession } from "./session.ts";

const hello = {
  t: "hello",
  protocol: 1,
  name: "far",
  pid: 1,
  isolation: "remote",
  slots: 1,
  offers: [],
  build: "b",
  definitions: [],
} as const;

test("a worker that asks for an artifact in vain is not told where artifacts lie", async () => {
  const links: WorkerLink[] = [];
  const host: WorkerHost = {
    attach(link) {
      links.push(link);
      return { id: "w_1", receive() {}, reachable() {}, lost() {} };
    },
  };
  const session = new RemoteSession({
    id: "s_1",
    namespace: null,
    hello,
    inventory: undefined,
    graceMs: 1_000,
    fenceMs: 1_000,
    host,
    clock: systemClock,
    log: () => {},
    forget() {},
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  session.open({ write: resolve, buffered: () => 0, end() {}, close() {} }, 0);
  const cause = new Error("ENOENT: no such file, open '/var/lib/flotilla/artifacts/ab'");
  const error = errorJson(new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: "ab" }, { cause }));
  links[0]?.send({ t: "reply", fence: { task: 1, boot: 1, leaseNo: 1 }, request: 1, value: null, error });
  const text = await promise;
  session.abandon();
  expect(text).toContain("FLOTILLA_NOT_FOUND");
  expect(text).not.toContain("/var/lib");
});
