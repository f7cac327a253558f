// A worker across a WebSocket: keeps a session with an orchestrator over links that break, and makes another one where
// the first is gone.
//
//   connecting ──▶ linked ──link breaks──▶ connecting ... resumed: as if nothing had happened
//       ▲             │                        └── unknown: a new session, what is still here is offered for adoption
//       │             └── over, refused: what runs is aborted ──▶ connecting
//       └── nobody heard for too long: what runs is aborted (it fences itself), and it goes on trying
//
// It stops its attempts before anybody else is given them: `graceMs` after a link was closed, which is how long the
// orchestrator keeps them, and `fenceMs` after it last heard anything, which is less than the orchestrator waits for a
// silent worker. Nobody's clock is compared with another's: each counts from what it saw.
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../core/clock.ts";
import { errorFromJson, FlotillaError, isFlotillaError } from "../../core/error.ts";
import type { Random } from "../../core/random.ts";
import { backoffMs, type ResolvedRetry } from "../../core/retry.ts";
import { parsed, toWorkerFrame, toWorkerMessages, type ToWorkerFrame } from "../../protocol/wire/frames.ts";
import { Session } from "../../protocol/wire/session.ts";
import { protocolVersion, type Fence, type FromWorker, type Hello, type ToWorker } from "../../protocol/worker.ts";
import { placeOf, Refusal, type Dialed } from "./dial.ts";
import { Ledger } from "./ledger.ts";

export interface RemoteLinkOptions {
  /** Addresses of orchestrators: the first that answers is taken. */
  readonly urls: readonly string[];
  readonly dial: (url: string) => Promise<Dialed>;
  readonly hello: () => Hello;
  /** How long attempts are to be kept when the link breaks, in ms; the orchestrator says what it grants. */
  readonly graceMs: number | undefined;
  readonly fenceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Runs no user code. */
  readonly receive: (message: ToWorker) => void;
  /** The orchestrator has ended the session, and says why. */
  readonly ended: (error: Error) => void;
  readonly log: (level: "info" | "warn" | "error", message: string) => void;
}

/** A quarter of a second, so that a blip is over before anybody notices; half a minute, so that a storm of thousands spreads. */
const reconnect: ResolvedRetry = Object.freeze({ attempts: 1_000, backoff: "exponential", fromMs: 250, toMs: 30_000 });
/** A link that was up for so long worked: the next try begins without a wait again. */
const goodLinkMs = 10_000;
/** Until the first answer on a new link. */
const answerMs = 10_000;
const answerMsLeast = 1_000;
/** Of what nobody acknowledges: a gigabyte of results means that the other side is not there. */
const keptMax = 1_073_741_824;
/** Beyond it what is only told, and not recorded, is left out. */
const chatterMax = 4_194_304;
const restartCode = 1012;
/** A timer that fires so late shows that the loop stood still; what lay in the socket meanwhile is read within `readMs`. */
const lateMs = 1_000;
const readMs = 250;

export class RemoteLink {
  readonly #o: RemoteLinkOptions;
  readonly #ledger = new Ledger();
  /** The public id that it has now. */
  worker: string | undefined;
  #session: Session<FromWorker, ToWorker> | undefined;
  #sessionId: string | undefined;
  #graceMs = 3_000;
  #silentMs = 15_000;
  #socket: Dialed | undefined;
  /** When something was last heard, on the monotonic clock. */
  #heardAt = 0;
  /** When the link was seen to close; undefined while there is one, and when a restart was announced. */
  #brokenAt: number | undefined;
  #fence: { readonly timer: Timer; readonly at: number } | undefined;
  #retry: { readonly timer: Timer; readonly go: () => void } | undefined;
  #url = 0;
  #failures = 0;
  #stopping = false;
  #left = Promise.withResolvers<void>();
  #welcomed = Promise.withResolvers<void>();

  constructor(o: RemoteLinkOptions) {
    this.#o = o;
    this.#welcomed.promise.catch(() => {});
  }

  /** Resolves with the first session; later ones come about by themselves. @throws what refuses it for good */
  start(): Promise<void> {
    void this.#run();
    return this.#welcomed.promise;
  }

  /** Whatever is said is numbered and kept until it has arrived. @throws FLOTILLA_TOO_LARGE */
  send(message: FromWorker): void {
    const told = this.#ledger.sent(message);
    if (!told) return;
    const session = this.#session;
    if (!session) return;
    if ((told.t === "log" || told.t === "progress") && session.keptChars > chatterMax) return;
    session.send(told);
    if (told.t === "goodbye") this.#leaving = true;
  }
  /** A goodbye is on its way: the session ends with it. */
  #leaving = false;

  /** Attempts that have not ended. */
  running(): readonly Fence[] {
    return this.#ledger.running();
  }

  /** Lets what was said arrive, for a while, and connects no more. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    this.#retry?.go();
    const late = this.#o.clock.after(withinMs, () => this.#close());
    if (!this.#socket && !this.#session) this.#left.resolve();
    await this.#left.promise;
    late.cancel();
    this.#fence?.timer.cancel();
  }

  async #run(): Promise<void> {
    while (!this.#stopping || (this.#session && this.#leaving)) {
      const url = this.#o.urls[this.#url % this.#o.urls.length] as string;
      const began = this.#o.clock.elapsedMs();
      try {
        const socket = await this.#dialed(url);
        await this.#converse(socket);
        if (this.#o.clock.elapsedMs() - began >= goodLinkMs) this.#failures = 0;
        this.#failures += 1;
        await this.#wait(undefined);
      } catch (thrown) {
        this.#failures += 1;
        const refusal = thrown instanceof Refusal ? thrown : undefined;
        if (refusal?.final && this.worker === undefined) {
          this.#welcomed.reject(refusal.cause);
          break;
        }
        if (isFlotillaError(refusal?.cause, "FLOTILLA_STORE_UNREACHABLE")) this.#storeAway();
        this.#o.log(refusal ? "error" : "warn", `no link to ${placeOf(url)}: ${(thrown as Error).message}`);
        // While its session may be waiting there, it is worth a second try; one that was given up has had its turn.
        const given = this.#o.urls[this.#url % this.#o.urls.length] !== url;
        if (!given && (!this.#session || this.#failures % 2 === 0)) this.#url += 1;
        await this.#wait(refusal?.retryAfterMs);
      }
    }
    this.#endSession();
    this.#left.resolve();
  }

  /**
   * While work is at stake, one that takes connections and says nothing (a process that stands still, a way that swallows)
   * must not use up its time: another may take it over.
   */
  #answerMs(): number {
    if (!this.#session) return answerMs;
    return Math.min(answerMs, Math.max(answerMsLeast, (this.#fenceAt - this.#o.clock.elapsedMs()) / 3));
  }

  #dialed(url: string): Promise<Dialed> {
    const { promise, resolve, reject } = Promise.withResolvers<Dialed>();
    let late = false;
    const timer = this.#o.clock.after(this.#answerMs(), () => {
      late = true;
      this.#url += 1;
      reject(new FlotillaError("FLOTILLA_UNREACHABLE", { target: placeOf(url) }));
    });
    this.#o.dial(url).then(
      (socket) => {
        timer.cancel();
        if (late) socket.terminate();
        else resolve(socket);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
    return promise;
  }

  #wait(leastMs: number | undefined): Promise<void> {
    if (this.#stopping && !this.#leaving) return Promise.resolve();
    const { clock, random } = this.#o;
    // Jittered above what was asked for: everybody was told the same number.
    let ms = leastMs === undefined ? backoffMs(reconnect, this.#failures, random) : leastMs * (1 + random());
    // While its session waits there is a reason to hurry: after the grace all that it runs is lost.
    if (this.#session) ms = Math.min(ms, (this.#graceMs / 12) * (1 + random()));
    return new Promise((resolve) => {
      const go = (): void => {
        timer.cancel();
        this.#retry = undefined;
        resolve();
      };
      const timer = clock.after(ms, go);
      this.#retry = { timer, go };
    });
  }

  /** One link, from its first frame to its close. @throws Refusal */
  #converse(socket: Dialed): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { clock } = this.#o;
    this.#socket = socket;
    const late = clock.after(this.#answerMs(), () => this.#giveUp(socket));
    let refusal: Refusal | undefined;
    socket.listen({
      text: (text) => {
        if (this.#socket !== socket) return;
        this.#heardAt = clock.elapsedMs();
        try {
          const frame = parsed(toWorkerFrame, text);
          if (frame.t === "refused" || frame.t === "over") refusal = this.#refused(frame);
          else this.#frame(socket, frame, text.length);
          if (frame.t === "begun" || frame.t === "resumed") late.cancel();
        } catch (thrown) {
          this.#o.log("error", `what the orchestrator said cannot be read: ${(thrown as Error).message}`);
          this.#drop(thrown as Error);
          socket.close(4400);
        }
      },
      alive: () => void (this.#heardAt = clock.elapsedMs()),
      room: () => this.#session?.pump(),
      closed: (code) => {
        late.cancel();
        this.#closed(socket, code);
        if (refusal) reject(refusal);
        else resolve();
      },
    });
    if (this.#session && this.#sessionId !== undefined)
      socket.write(
        JSON.stringify({ t: "resume", protocol: protocolVersion, session: this.#sessionId, received: this.#session.received }),
      );
    else this.#begin(socket);
    return promise;
  }

  #begin(socket: Dialed): void {
    const { fenceMs, graceMs } = this.#o;
    const held = this.worker === undefined ? [] : this.#ledger.offer();
    socket.write(
      JSON.stringify({
        t: "begin",
        hello: this.#o.hello(),
        fenceMs,
        ...(graceMs === undefined ? {} : { graceMs }),
        ...(held.length > 0 && this.worker !== undefined ? { inventory: { worker: this.worker, held } } : {}),
      }),
    );
  }

  #frame(socket: Dialed, frame: Exclude<ToWorkerFrame, { t: "refused" | "over" }>, chars: number): void {
    switch (frame.t) {
      case "begun": {
        this.#sessionId = frame.session;
        this.worker = frame.worker;
        this.#graceMs = frame.graceMs;
        this.#silentMs = frame.silentMs;
        const session = new Session<FromWorker, ToWorker>({
          keptMax,
          nextTurn: setImmediate,
          read: (text) => parsed(toWorkerMessages, text),
          overflow: (error) => {
            this.#drop(error);
            this.#close();
          },
        });
        this.#session = session;
        this.#linked(socket, 0);
        this.#welcomed.resolve();
        return;
      }
      case "resumed":
        return this.#linked(socket, frame.received);
      case "unknown":
        // Another orchestrator, or another life of it: what is still here is offered.
        this.#endSession();
        return this.#begin(socket);
      default:
        if (!this.#session) return;
        for (const message of this.#session.receive(frame, chars)) this.#hear(message);
    }
  }

  #linked(socket: Dialed, received: number): void {
    this.#brokenAt = undefined;
    this.#session?.open(socket, received);
    this.#watch();
  }

  #hear(message: ToWorker): void {
    const { heard, again } = this.#ledger.received(message);
    for (const m of again) this.#tellAgain(m);
    if (heard) this.#o.receive(heard);
  }

  #tellAgain(message: FromWorker): void {
    try {
      this.#session?.send(message);
    } catch (thrown) {
      // Too large the first time, and its attempt was ended by it then.
      this.#o.log("error", `a message could not be sent again: ${(thrown as Error).message}`);
    }
  }

  #refused(frame: Extract<ToWorkerFrame, { t: "refused" | "over" }>): Refusal {
    const error = errorFromJson(frame.error);
    // A protocol error of ours would repeat itself if the session went on.
    if (frame.t === "over" || (this.#session && isFlotillaError(error) && !error.retryable)) this.#drop(error);
    if (frame.t === "over") this.#o.ended(error);
    const final = frame.t === "refused" && isFlotillaError(error) && !error.retryable && this.worker === undefined;
    return new Refusal(error, { final, retryAfterMs: frame.t === "refused" ? frame.retryAfterMs : undefined });
  }

  #closed(socket: Dialed, code: number): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#session?.close();
    if (this.#leaving) {
      // The goodbye has arrived: its answer is this close.
      this.#leaving = false;
      this.#endSession();
      return;
    }
    // Whoever restarts gives nothing away: only the silence counts then.
    this.#brokenAt = code === restartCode ? undefined : this.#o.clock.elapsedMs();
    this.#watch();
  }

  /** An orchestrator was heard: without the store it takes nobody back, and can give nobody what runs here. */
  #storeAway(): void {
    this.#heardAt = this.#o.clock.elapsedMs();
    if (this.#brokenAt !== undefined) this.#brokenAt = this.#heardAt;
  }

  /** When what runs must have stopped. */
  get #fenceAt(): number {
    const silentAt = this.#heardAt + Math.min(this.#o.fenceMs, this.#silentMs);
    return this.#brokenAt === undefined ? silentAt : Math.min(silentAt, this.#brokenAt + this.#graceMs);
  }

  /** When a link on which nothing comes is given up for another: early enough that the session may still be resumed. */
  get #staleAt(): number {
    return this.#heardAt + Math.min(this.#o.fenceMs, this.#silentMs) * 0.7;
  }

  /** One timer for whichever is due next. */
  #watch(): void {
    const { clock } = this.#o;
    const at = this.#socket ? Math.min(this.#staleAt, this.#fenceAt) : this.#fenceAt;
    if (this.#fence && this.#fence.at <= at) return;
    this.#fence?.timer.cancel();
    this.#fence = { at, timer: clock.after(Math.max(0, at - clock.elapsedMs()), () => this.#due(at)) };
  }

  #due(at: number): void {
    const { clock } = this.#o;
    const now = clock.elapsedMs();
    this.#fence = undefined;
    // This loop was blocked: what came meanwhile is read first.
    if (now - at > lateMs && this.#socket) {
      const again = now + readMs;
      this.#fence = { at: again, timer: clock.after(readMs, () => this.#due(again)) };
      return;
    }
    if (now >= this.#fenceAt) {
      const silent = Math.round((now - this.#heardAt) / 100) / 10;
      const error = new FlotillaError("FLOTILLA_UNREACHABLE", { target: this.#o.urls.map(placeOf).join(", ") });
      this.#o.log(
        "error",
        `no orchestrator was heard for ${silent} s: what runs here is stopped, because others may be given it`,
      );
      this.#drop(error);
      this.#socket?.terminate();
    } else if (this.#socket && now >= this.#staleAt) this.#giveUp(this.#socket);
    else this.#watch();
  }

  /** It was silent for too long: the next address first, the process behind this one may stand still. */
  #giveUp(socket: Dialed): void {
    this.#url += 1;
    socket.terminate();
  }

  /** Nothing of the session counts any more. */
  #drop(error: Error): void {
    this.#endSession();
    for (const fence of this.#ledger.running()) this.#o.receive({ t: "cancel", fence, reason: error.message });
  }

  #endSession(): void {
    this.#session?.end();
    this.#session = undefined;
    this.#sessionId = undefined;
    this.#brokenAt = undefined;
  }

  #close(): void {
    this.#leaving = false;
    this.#endSession();
    this.#retry?.go();
    if (this.#socket) this.#socket.close(1000);
    else this.#left.resolve();
  }
}
