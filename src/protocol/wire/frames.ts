// What travels over a WebSocket: text frames, each one JSON object. A link begins with `begin` or `resume`, which is
// answered by one of `begun`, `resumed`, `unknown`, `refused`; from then on messages travel in numbered frames.
//
//   worker                     orchestrator
//     begin    ──────────────▶            a new session: hello, and what the worker still has
//              ◀────────────── begun      its name, and how long each side waits for the other
//     messages ◀─────────────▶ messages   n = 1, 2, 3 ... on each side; a: the other side's last n that came
//     part     ◀─────────────▶ part       a piece of a frame's messages that is too long for one
//     ack      ◀─────────────▶ ack        a alone
//   (the link breaks)
//     resume   ──────────────▶            that session, and the last n that came
//              ◀────────────── resumed    the last n that came: both send again what follows
//              ◀────────────── unknown    no such session: begin
//              ◀────────────── refused    not now, or never: the error says which
//              ◀────────────── over       the session is ended: nothing of it counts any more
import * as z from "zod";
import { bounds } from "../../core/bounds.ts";
import { FlotillaError } from "../../core/error.ts";
import { issueLine } from "../../core/issue.ts";
import type { FromWorker, ToWorker } from "../worker.ts";
import { error, fromWorker, hello, inventory, toWorker } from "./messages.ts";

export const subprotocol = "flotilla.v1";
/** Where workers connect, below the server's address. */
export const connectPath = "/api/v1/workers/connect";

const whole = z.int().min(0);
const secret = z.string().min(1).max(bounds.nameLength);
const ack = z.object({ t: z.literal("ack"), a: whole });
const part = z.object({
  t: z.literal("part"),
  n: z.int().min(1),
  a: whole,
  text: z.string(),
  /** The last piece: joined they are the JSON of `m` of a `messages` frame. */
  last: z.boolean(),
});
const numbered = { t: z.literal("messages"), n: z.int().min(1), a: whole };

export const begin = z.object({
  t: z.literal("begin"),
  hello,
  inventory: inventory.exactOptional(),
  /** How long its attempts are to be kept when the link breaks, in ms. The orchestrator says what it grants. */
  graceMs: z.number().min(0).exactOptional(),
  /** It stops what it runs, at the latest, when it has heard nothing for so long, in ms. */
  fenceMs: z.number().min(0),
});
const resume = z.object({ t: z.literal("resume"), protocol: whole, session: secret, received: whole });
export const fromWorkerFrame = z.discriminatedUnion("t", [
  begin,
  resume,
  z.object({ ...numbered, m: z.array(fromWorker).max(bounds.fanout) }),
  part,
  ack,
]);

const begun = z.object({
  t: z.literal("begun"),
  /** Names the session when the link breaks; a secret. */
  session: secret,
  /** The worker's public id. */
  worker: z.string().max(bounds.nameLength),
  /** So long its attempts are kept after its link was closed, in ms: it stops them when it has not come back by then. */
  graceMs: z.number(),
  /** A link on which nothing comes for so long, in ms, is dead. */
  silentMs: z.number(),
});
export const toWorkerFrame = z.discriminatedUnion("t", [
  begun,
  z.object({ t: z.literal("resumed"), received: whole }),
  z.object({ t: z.literal("unknown") }),
  z.object({ t: z.literal("refused"), error, retryAfterMs: z.number().min(0).exactOptional() }),
  z.object({ t: z.literal("over"), error }),
  z.object({ ...numbered, m: z.array(toWorker).max(bounds.fanout) }),
  part,
  ack,
]);

export const fromWorkerMessages = z.array(fromWorker).max(bounds.fanout);
export const toWorkerMessages = z.array(toWorker).max(bounds.fanout);

export type Begin = z.output<typeof begin>;
export type FromWorkerFrame = z.output<typeof fromWorkerFrame>;
export type ToWorkerFrame = z.output<typeof toWorkerFrame>;
/** A frame that carries messages, whichever side sent it. */
export type Carrier<M extends FromWorker | ToWorker> =
  | { readonly t: "messages"; readonly n: number; readonly a: number; readonly m: readonly M[] }
  | z.output<typeof part>
  | z.output<typeof ack>;

/** @throws FLOTILLA_MESSAGE_INVALID with the path of the first field that does not fit. */
export function parsed<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(issueLine(result.error.issues.slice(0, 3)));
}

export function invalid(problem: string): FlotillaError {
  return new FlotillaError("FLOTILLA_MESSAGE_INVALID", { problem: problem.slice(0, 1_000) });
}
