// A worker's session at the server: it outlives the sockets that carry it.
//
//   live ──socket closes──▶ away ──resume──▶ live
//     │                      └──grace over──▶ over: its attempts are given to others
//     └── goodbye, killed, silent, overflow ──▶ over
import type { Clock, Timer } from "../../core/clock.ts";
import { errorFromJson, errorJson, FlotillaError, isFlotillaError, type ErrorJson } from "../../core/error.ts";
import type { LogSink } from "../../core/log.ts";
import { jsonForStrangers } from "../for-strangers.ts";
import { closeCodes } from "./close-codes.ts";
import type { Namespace } from "../../protocol/access.ts";
import { fromWorkerMessages, parsed } from "../../protocol/wire/frames.ts";
import { notTaken, Session, type Wire } from "../../protocol/wire/session.ts";
import type { Attachment, FromWorker, Hello, Inventory, ToWorker, WorkerHost, WorkerLink } from "../../protocol/worker.ts";

/** The socket that carries a session now. */
export interface Carrying extends Wire {
  /** Ends the link, and says why. `over`: the session too. */
  end(error: FlotillaError, o: { readonly over: boolean }): void;
  close(code: number, reason: string): void;
}

export interface RemoteSessionOptions {
  readonly id: string;
  readonly namespace: Namespace | null;
  readonly hello: Hello;
  readonly inventory: Inventory | undefined;
  readonly graceMs: number;
  /** It stops what it runs when it has heard nothing for so long. */
  readonly fenceMs: number;
  readonly host: WorkerHost;
  readonly clock: Clock;
  readonly log: LogSink;
  /** It is over: forget it. */
  readonly forget: (session: RemoteSession) => void;
}

/** What is kept for a worker that takes some of it now and then, beyond one message that is as long as messages get. */
const keptMax = 1_073_741_824;
/** What is kept for one that takes nothing, for `stallMs`. Several large results at once are more, and are no fault of anybody. */
const stalledMax = 67_108_864;
const stallMs = 10_000;

export class RemoteSession {
  readonly id: string;
  readonly namespace: Namespace | null;
  readonly hello: Hello;
  readonly graceMs: number;
  readonly fenceMs: number;
  readonly #o: RemoteSessionOptions;
  readonly #session: Session<ToWorker, FromWorker>;
  readonly #attachment: Attachment;
  #carrier: Carrying | undefined;
  #grace: Timer | undefined;
  #stall: Timer | undefined;
  #over = false;

  constructor(o: RemoteSessionOptions) {
    this.#o = o;
    this.id = o.id;
    this.namespace = o.namespace;
    this.hello = o.hello;
    this.graceMs = o.graceMs;
    this.fenceMs = o.fenceMs;
    this.#session = new Session<ToWorker, FromWorker>({
      keptMax,
      nextTurn: setImmediate,
      read: (text) => parsed(fromWorkerMessages, text),
      overflow: (error) => this.end(error, `did not take what it was sent: ${error.message}`),
    });
    const link: WorkerLink = {
      send: (message) => this.#send(message),
      // Not from within the orchestrator's own turn: it is in the middle of something.
      kill: (reason) => setImmediate(() => this.end(lost(o.hello.name, reason), reason)),
      leave: () => setImmediate(() => this.leave()),
    };
    const { namespace, inventory } = o;
    this.#attachment = o.host.attach(link, o.hello, { namespace: namespace?.id ?? null, ...(inventory && { inventory }) });
  }

  /** The worker's public id. */
  get worker(): string {
    return this.#attachment.id;
  }
  get received(): number {
    return this.#session.received;
  }
  get partChars(): number {
    return this.#session.partChars;
  }

  /** A socket carries it from now on; the one before, if there is one, is closed. @throws FLOTILLA_MESSAGE_INVALID */
  open(carrier: Carrying, received: number): void {
    const before = this.#carrier;
    this.#carrier = carrier;
    before?.end(new FlotillaError("FLOTILLA_CLOSED", { what: "this link, because the session has another one," }), {
      over: false,
    });
    this.#grace?.cancel();
    this.#grace = undefined;
    this.#session.open(carrier, received);
    this.#attachment.reachable(true);
  }

  /** @throws FLOTILLA_MESSAGE_INVALID, FLOTILLA_TOO_LARGE */
  receive(frame: Parameters<Session<ToWorker, FromWorker>["receive"]>[0], chars: number): void {
    for (const message of this.#session.receive(frame, chars)) {
      if (this.#over) return;
      if (message.t === "goodbye") {
        this.#attachment.receive(message);
        return this.end(undefined, `left: ${message.reason}`);
      }
      this.#attachment.receive(message);
    }
  }

  /** The socket's buffer has room again. */
  pump(): void {
    this.#session.pump();
  }

  /** The socket closed without a word: its worker may come back. */
  closed(carrier: Carrying): void {
    if (this.#carrier !== carrier || this.#over) return;
    this.#carrier = undefined;
    this.#session.close();
    this.#attachment.reachable(false);
    this.#await(this.graceMs);
  }

  #await(ms: number): void {
    this.#grace = this.#o.clock.after(ms, () => {
      const answeringMs = this.#o.host.answeringMs?.() ?? this.graceMs;
      if (answeringMs < this.graceMs) this.#await(this.graceMs - answeringMs);
      else this.end(undefined, `lost its link and did not come back within ${Math.round(this.graceMs / 100) / 10} s`);
    });
  }

  /** Nothing came by a socket for so long. Its worker may have come by another since, and left this one behind. */
  silent(carrier: Carrying, ms: number): void {
    if (this.#carrier === carrier) this.end(undefined, `was not heard of for ${Math.round(ms / 1_000)} s`);
  }

  /** Over: what it was running is given to others. `error`: what it is told, if it can still be told. */
  end(error: FlotillaError | undefined, how: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#grace?.cancel();
    this.#stall?.cancel();
    const carrier = this.#carrier;
    this.#carrier = undefined;
    if (error) carrier?.end(error, { over: true });
    else carrier?.close(1000, "goodbye");
    this.#session.end();
    this.#o.forget(this);
    this.#attachment.lost(how, { observed: false });
  }

  /** The worker is sent on, to come to an orchestrator with what it executes. */
  leave(): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    this.abandon();
    carrier?.close(closeCodes.restart, "restart");
  }

  /** The server closes: nobody is told that the worker is lost, because its attempts may go on elsewhere. */
  abandon(): void {
    this.#over = true;
    this.#grace?.cancel();
    this.#stall?.cancel();
    this.#session.end();
    this.#o.forget(this);
  }

  /** Never throws: what cannot travel ends the attempt that it is for, and nothing else. */
  #send(message: ToWorker): void {
    try {
      this.#session.send(isFailure(message) ? { ...message, error: jsonForStrangers(errorFromJson(message.error)) } : message);
      if (this.#session.keptChars > stalledMax) this.#stall ??= this.#watchStall();
    } catch (thrown) {
      this.#o.log("error", "a message to a worker could not be sent", { worker: this.hello.name, message: message.t });
      this.#refused(
        message,
        isFlotillaError(thrown) ? thrown : new FlotillaError("FLOTILLA_MESSAGE_INVALID", { problem: String(thrown) }),
      );
    }
  }

  /** More than `stalledMax` is kept: as long as the worker takes some of it, all is well. */
  #watchStall(): Timer {
    const { acknowledged } = this.#session;
    return this.#o.clock.after(stallMs, () => {
      this.#stall = undefined;
      const bytes = this.#session.keptChars;
      if (this.#over || bytes <= stalledMax) return;
      // A broken link has its grace, which is what ends it.
      if (this.#carrier && this.#session.acknowledged === acknowledged) {
        const error = new FlotillaError("FLOTILLA_TOO_LARGE", { what: notTaken, bytes, max: stalledMax });
        return this.end(error, `did not take what it was sent: ${error.message}`);
      }
      this.#stall = this.#watchStall();
    });
  }

  #refused(m: ToWorker, thrown: Error): void {
    const error = errorJson(thrown);
    if (m.t === "reply") return this.#send({ ...m, value: null, error });
    if (m.t === "deliver") this.#send({ t: "cancel", fence: m.fence, reason: thrown.message });
    const fences = m.t === "assign" ? m.tasks.map((a) => a.fence) : m.t === "deliver" ? [m.fence] : [];
    for (const fence of fences) {
      const result = { status: "failed" as const, error, terminal: true };
      setImmediate(() => this.#attachment.receive({ t: "settle", fence, result, spent: null }));
    }
  }
}

/** Of the orchestrator's own doing, such as reading an artifact: it may name files and addresses. */
function isFailure(m: ToWorker): m is Extract<ToWorker, { t: "reply" }> & { readonly error: ErrorJson } {
  return m.t === "reply" && m.error !== null;
}

function lost(worker: string, reason: string): FlotillaError {
  return new FlotillaError("FLOTILLA_WORKER_LOST", { worker, how: `was told to end: ${reason}` });
}
