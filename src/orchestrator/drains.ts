// Workers that are to leave while the fleet goes on. `finish` (the default): they begin nothing new, end the workflows that
// their code has begun, and then leave. `park`: idle workflows are parked, and they leave when no code runs there.
import { bounds } from "../core/bounds.ts";
import type { Timer } from "../core/clock.ts";
import { FlotillaError } from "../core/error.ts";
import type { DrainReply, DrainRequest } from "../protocol/views.ts";
import type { Drain } from "../store/builds.ts";
import type { Engine } from "./engine.ts";
import type { WorkerState } from "./workers.ts";

/** How often it is asked whether what a build has begun has ended. */
const lookMs = 1_000;

export class Drains {
  readonly #engine: Engine;
  #drains: readonly Drain[] = [];
  #timer: Timer | undefined;
  #stopped = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What the store has, which others may have said. */
  async refresh(): Promise<void> {
    const { state } = this.#engine;
    const { builds, drains } = await state.store.builds.read();
    state.builds.know(builds);
    this.#drains = drains;
    for (const worker of state.workers.values()) this.apply(worker);
    state.definitions.workersChanged();
    this.#engine.dispatch();
  }

  /** Does with a worker what was said about it. */
  apply(worker: WorkerState): void {
    if (worker.draining) return;
    const said = this.#drains.filter((d) =>
      d.kind === "build"
        ? d.name === worker.hello.build
        : (d.name === worker.publicId || d.name === worker.hello.name) && worker.joinedAt <= d.at,
    );
    if (said.some((d) => d.park)) return this.#dismiss(worker);
    const finishing = said.length > 0;
    worker.finishing = finishing;
    this.#engine.state.builds.changedItself(worker);
    if (finishing) this.#watch();
  }

  /** It takes nothing more, parks what is idle there, and says goodbye when no code runs. */
  #dismiss(worker: WorkerState): void {
    worker.draining = true;
    this.#engine.state.builds.changedItself(worker);
    worker.link.send({ t: "drain", leave: true });
  }

  #watch(): void {
    if (this.#timer || this.#stopped) return;
    const { state } = this.#engine;
    this.#timer = state.clock.after(lookMs, () => {
      this.#timer = undefined;
      void this.#look()
        .catch((e: unknown) => state.log("debug", "what a build has begun could not be looked up", { error: String(e) }))
        .then(() => {
          if ([...state.workers.values()].some((w) => w.finishing && !w.draining)) this.#watch();
        });
    });
  }

  async #look(): Promise<void> {
    const { state } = this.#engine;
    for (const worker of state.workers.values()) {
      if (!worker.finishing || worker.draining || worker.attempts.size + worker.ending.size > 0) continue;
      const lanes = [...state.definitions.lanes].filter((l) => l.build !== "" && l.workers.has(worker)).map((l) => l.id);
      if (lanes.length > 0 && (await state.store.builds.unfinished(lanes))) continue;
      if (this.#stopped || worker.attempts.size > 0 || !worker.finishing) continue;
      state.log("info", "a worker has ended what it had begun, and leaves", {
        worker: worker.hello.name,
        build: worker.hello.build,
      });
      this.#dismiss(worker);
      state.definitions.workersChanged();
    }
  }

  /** @throws FLOTILLA_NOT_FOUND, FLOTILLA_CONFIG_INVALID */
  async drain({ build, worker, park = false }: DrainRequest): Promise<DrainReply> {
    const { state } = this.#engine;
    if ((build === undefined) === (worker === undefined))
      throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
        field: "build",
        problem: "it takes either a build or a worker",
        fix: "name one of them",
      });
    const name = nameOf(build ?? worker);
    const kind = build === undefined ? "worker" : "build";
    const meant = [...state.workers.values()].filter((w) =>
      kind === "build" ? w.hello.build === name : w.publicId === name || w.hello.name === name,
    );
    // A build is known to all orchestrators; a worker only to its own, so that of several each is told.
    if (kind === "build" ? !state.builds.has(name) : meant.length === 0 && !state.store.shared)
      throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: kind, id: name });
    await state.store.builds.drain({ boot: state.boot, drain: { kind, name, park, at: state.clock.now() } });
    await this.refresh();
    return { workers: meant.map((w) => w.hello.name) };
  }

  /** @throws FLOTILLA_NOT_FOUND: it is not being drained. */
  async resume(build: string): Promise<void> {
    const { state } = this.#engine;
    const name = nameOf(build);
    if (!(await state.store.builds.resume({ boot: state.boot, build: name })))
      throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "drained build", id: name });
    await this.refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}

function nameOf(name: unknown): string {
  if (typeof name === "string" && name.length > 0 && name.length <= bounds.keyLength) return name;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "build",
    problem: "it is not a name",
    fix: `use 1 to ${bounds.keyLength} characters`,
  });
}
