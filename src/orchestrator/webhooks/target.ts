// One webhook and the calls that are on their way to it. Each has its own, so that one that is dead or slow delays no other.
import type { Timer } from "../../core/clock.ts";
import { runId } from "../../core/id.ts";
import { webhookSignature } from "../../core/webhook.ts";
import type { WebhookCall } from "../../store/webhooks.ts";
import type { State } from "../state.ts";
import { failureOf, nextTryAt, problemOf, type Problem } from "./answer.ts";
import { messageOf } from "./message.ts";
import type { Poster } from "./post.ts";
import type { WebhookSettings } from "./settings.ts";

/** Calls under way to one webhook. */
const underWayMax = 4;
/** A claim outlives the try by this, so that only the claims of the dead run out. */
const claimMarginMs = 45_000;
/** Another orchestrator may have stored calls and died. */
const idleMs = 30_000;
/** What is due and could not be claimed is being claimed by another. */
const contendedMs = 50;
const storeRetryMs = 1_000;

/** What became of a try. */
export interface Told {
  readonly call: WebhookCall;
  /** Undefined: it was told. */
  readonly failed: { readonly dueAt: number | null; readonly problem: string } | undefined;
}

export class Target {
  readonly settings: WebhookSettings;
  readonly #state: State;
  readonly #poster: Poster;
  readonly #told: (t: Told) => void;
  readonly #changed: () => void;
  readonly #underWay = new Map<number, { readonly cut: AbortController; readonly done: Promise<void> }>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** The store did not answer the last look: that was said, and is not said again each second. */
  #unread = false;
  /** Nothing was due at the last look. */
  #resting = false;

  constructor(settings: WebhookSettings, o: { state: State; poster: Poster; told: (t: Told) => void; changed: () => void }) {
    this.settings = settings;
    this.#state = o.state;
    this.#poster = o.poster;
    this.#told = o.told;
    this.#changed = o.changed;
  }

  /** Nothing of it is under way, and nothing is due. */
  get idle(): boolean {
    return this.#underWay.size === 0 && this.#looking === undefined && this.#resting;
  }

  /** Claims what is due, as much as there is room for. */
  look(): void {
    if (this.#stopped) return;
    this.#resting = false;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = this.#claim().finally(() => {
      this.#looking = undefined;
      if (this.#again) {
        this.#again = false;
        this.look();
      }
      this.#changed();
    });
  }

  /** The store knows what became of it: its place is free. */
  settled(call: WebhookCall): void {
    this.#underWay.delete(call.id);
    this.look();
  }

  /** Claims nothing more; what is under way is cut off and given back, for another orchestrator or the next life. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    for (const { cut } of this.#underWay.values()) cut.abort();
    await Promise.all([...this.#underWay.values()].map((u) => u.done));
  }

  async #claim(): Promise<void> {
    const { store, clock, boot } = this.#state;
    const { name: webhook, timeoutMs } = this.settings;
    try {
      const limit = underWayMax - this.#underWay.size;
      if (limit === 0) return;
      const now = clock.now();
      const calls = await store.webhooks.claim({ boot, webhook, now, until: now + timeoutMs + claimMarginMs, limit });
      this.#unread = false;
      for (const call of calls) {
        const cut = new AbortController();
        this.#underWay.set(call.id, { cut, done: this.#tell(call, cut) });
      }
      // With every place taken, the next one to be free looks again.
      if (calls.length === limit) return;
      const nextAt = await store.webhooks.nextAt({ webhook });
      this.#resting = nextAt === null || nextAt > clock.now();
      this.#wakeIn(nextAt === null ? idleMs : Math.min(idleMs, Math.max(contendedMs, nextAt - clock.now())));
    } catch (e) {
      this.#resting = true;
      if (this.#stopped) return;
      if (!this.#unread)
        this.#state.log("warn", "calls of a webhook could not be read; it is tried each second", { webhook, error: String(e) });
      this.#unread = true;
      this.#wakeIn(storeRetryMs);
    }
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#state.clock.after(ms, () => this.look());
  }

  async #tell(call: WebhookCall, cut: AbortController): Promise<void> {
    const problem = await this.#post(call, cut);
    const cutOff = { dueAt: this.#state.clock.now(), problem: "cut off as its fleet closed" };
    this.#told({ call, failed: problem && (this.#stopped ? cutOff : this.#failed(call, problem)) });
  }

  async #post(call: WebhookCall, cut: AbortController): Promise<Problem | undefined> {
    const { clock } = this.#state;
    const { url, keys, timeoutMs } = this.settings;
    const { id, body } = messageOf(call);
    const timestamp = Math.floor(clock.now() / 1_000);
    const headers = {
      "content-type": "application/json",
      "user-agent": "flotilla",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": webhookSignature(keys, { id, timestamp, body }),
    };
    let timedOut = false;
    const timer = clock.after(timeoutMs, () => {
      timedOut = true;
      cut.abort();
    });
    try {
      return problemOf(await this.#poster.post({ url, headers, body, signal: cut.signal }), clock.now());
    } catch (e) {
      return failureOf(e, timedOut, timeoutMs);
    } finally {
      timer.cancel();
    }
  }

  #failed(call: WebhookCall, problem: Problem): NonNullable<Told["failed"]> {
    const { clock, random, log } = this.#state;
    const { name: webhook, retryForMs } = this.settings;
    const dueAt = nextTryAt(call, problem, { now: clock.now(), random, retryForMs });
    const about = { webhook, event: call.event, run: runId(call.secret, call.run), tries: call.tries, problem: problem.text };
    if (dueAt === null) log("warn", "a webhook could not be told, and is given up", about);
    else log("info", "a webhook could not be told; it is tried again", { ...about, at: new Date(dueAt).toISOString() });
    return { dueAt, problem: problem.text };
  }
}
