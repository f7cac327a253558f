// The published JSON Schemas accept what the orchestrator accepts.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { fence, task } from "./driver.ts";
import { hello } from "../workers/raw.ts";
import { fromWorkerFrame, toWorkerFrame } from "../../src/protocol/wire/frames.ts";

const file = new URL("../../docs/reference/worker-protocol.schema.json", import.meta.url);
const ajv = new Ajv2020({ strict: false });
ajv.addSchema(JSON.parse(readFileSync(file, "utf8")) as object, "protocol");
const checks = {
  worker: [ajv.compile({ $ref: "protocol#/$defs/FrameFromWorker" }), fromWorkerFrame],
  orchestrator: [ajv.compile({ $ref: "protocol#/$defs/FrameToWorker" }), toWorkerFrame],
} as const;

const error = {
  code: "ERROR",
  message: "boom",
  cause: { code: "ERROR", message: "deeper", cause: { code: "ERROR", message: "still" } },
};
const result = { status: "failed", error, terminal: true };
const messages = (...m: unknown[]): object => ({ t: "messages", n: 1, a: 0, m });
const good: [keyof typeof checks, string, unknown][] = [
  [
    "worker",
    "begin",
    {
      t: "begin",
      hello,
      fenceMs: 10_000,
      inventory: { worker: "w_1", held: [{ fence: fence(1), definition: "d", acts: 0, seq: 0, finished: false }] },
    },
  ],
  ["worker", "resume", { t: "resume", protocol: 1, session: "s", received: 4 }],
  ["worker", "settle", messages({ t: "settle", fence: fence(1), result, spent: null })],
  ["worker", "a part", { t: "part", n: 2, a: 1, text: "[{", last: false }],
  ["worker", "an unknown field", { t: "ack", a: 3, later: true }],
  ["orchestrator", "assign", messages({ t: "assign", tasks: [task(1, "d", {})] })],
  ["orchestrator", "adopted", messages({ t: "adopted", fence: fence(1), next: fence(1, 2), acts: 3 })],
  ["orchestrator", "refused", { t: "refused", error, retryAfterMs: 100 }],
];
const bad: [keyof typeof checks, string, unknown][] = [
  ["worker", "no frame", { t: "nothing" }],
  ["worker", "a fence without a lease", messages({ t: "ended", fence: { task: 1, boot: 1 } })],
  ["worker", "what only orchestrators say", messages({ t: "welcome", worker: "w" })],
  ["worker", "frame 0", { t: "messages", n: 0, a: 0, m: [] }],
  ["orchestrator", "a cause that is no error", { t: "over", error: { ...error, cause: { message: "no code" } } }],
];

describe("the published schemas", () => {
  test.each(good)("accept, of %s, %s", (side, _what, frame) => {
    const [published, own] = checks[side];
    expect(own.safeParse(frame).success).toBe(true);
    expect(published(frame) || published.errors).toBe(true);
  });
  test.each(bad)("refuse, of %s, %s", (side, _what, frame) => {
    const [published, own] = checks[side];
    expect(own.safeParse(frame).success).toBe(false);
    expect(published(frame)).toBe(false);
  });
});
