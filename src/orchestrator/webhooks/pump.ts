// Tells webhooks what the store says must be told: at least once, and in the order of creation within a run.
import type { Timer } from "../../core/clock.ts";
import type { State } from "../state.ts";
import { Poster } from "./post.ts";
import type { WebhookSettings } from "./settings.ts";
import { Target, type Told } from "./target.ts";

const tidyMs = 3_600_000;
/** A webhook that a config no longer has may come back: another orchestrator's config may have it. */
const strayMs = 86_400_000;
/** What was given up can be looked at, and tried again by hand, for so long. */
const keptMs = 7 * 86_400_000;
/** What is due when a fleet closes is told still, within this. */
const closeGraceMs = 2_000;

export class WebhookPump {
  readonly #state: State;
  readonly #poster = new Poster();
  readonly #targets: ReadonlyMap<string, Target>;
  #told: Told[] = [];
  #writing: Promise<void> | undefined;
  #tidy: Timer | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(state: State, webhooks: readonly WebhookSettings[]) {
    this.#state = state;
    const told = (t: Told) => this.#note(t);
    const changed = () => this.#check();
    this.#targets = new Map(webhooks.map((w) => [w.name, new Target(w, { state, poster: this.#poster, told, changed })]));
  }

  start(): void {
    if (this.#targets.size === 0) return;
    this.#state.callsStored = () => this.look();
    this.look();
    this.#tidyIn(0);
  }

  /** Calls may be due. */
  look(): void {
    for (const target of this.#targets.values()) target.look();
  }

  /** Goes on until nothing is due, for a short while at most; then cuts off what is under way. */
  async stop(): Promise<void> {
    if (this.#targets.size === 0) return;
    this.#tidy?.cancel();
    const over = Promise.withResolvers<void>();
    const timer = this.#state.clock.after(closeGraceMs, over.resolve);
    this.#whenIdle = over.resolve;
    this.look();
    await over.promise;
    this.#whenIdle = undefined;
    timer.cancel();
    await Promise.all([...this.#targets.values()].map((t) => t.stop()));
    await this.#writing;
    this.#poster.close();
  }

  #check(): void {
    if (this.#whenIdle && this.#writing === undefined && [...this.#targets.values()].every((t) => t.idle)) this.#whenIdle();
  }

  /** What ended in one turn of the loop is one transaction for those that were told, and one for those that were not. */
  #note(t: Told): void {
    this.#told.push(t);
    this.#writing ??= new Promise<void>((resolve) => this.#state.nextTurn(resolve))
      .then(() => this.#write())
      .finally(() => {
        this.#writing = undefined;
        this.#check();
      });
  }

  async #write(): Promise<void> {
    const { store, boot, log } = this.#state;
    while (this.#told.length > 0) {
      const told = this.#told;
      this.#told = [];
      const ids = told.flatMap((t) => (t.failed ? [] : [t.call.id]));
      const calls = told.flatMap(({ call: { id, tries }, failed }) => (failed ? [{ id, tries, ...failed }] : []));
      try {
        if (ids.length > 0) await store.webhooks.told({ boot, ids });
        if (calls.length > 0) await store.webhooks.failed({ boot, calls });
      } catch (e) {
        // Their claims run out, and they are told again.
        log("warn", "the store could not note what webhooks were told", { error: String(e) });
      }
      for (const { call } of told) this.#targets.get(call.webhook)?.settled(call);
    }
  }

  #tidyIn(ms: number): void {
    const { clock, store, log } = this.#state;
    this.#tidy = clock.after(ms, () => {
      this.#tidyIn(tidyMs);
      const { boot } = this.#state;
      const now = clock.now();
      const p = { boot, known: [...this.#targets.keys()], strayBefore: now - strayMs, keptBefore: now - keptMs };
      Promise.resolve()
        .then(() => store.webhooks.tidy(p))
        .catch((e: unknown) => log("warn", "old calls of webhooks could not be cleared", { error: String(e) }));
    });
  }
}
