import { numberOf } from "../core/hash.ts";
import { FlotillaError } from "../core/error.ts";
import { everyNamespace } from "../core/namespace.ts";
import type { DefinitionCard } from "../protocol/worker.ts";
import type { Boot, DefinitionRow, LaneRow, Store } from "../store/contract.ts";
import type { Builds } from "./builds.ts";
import { Lane } from "./lane.ts";
import { serves, type WorkerState } from "./workers.ts";

/** A definition as one namespace knows it. */
export interface DefinitionState {
  readonly id: number;
  readonly namespace: number;
  readonly name: string;
  /** Its own card, else the one that every namespace knows. null: some task names it, but nobody has registered it yet. */
  readonly card: DefinitionCard | null;
}

/** The card of a name that every namespace knows. */
interface Shared {
  card: DefinitionCard | null;
}

class Known implements DefinitionState {
  readonly id: number;
  readonly namespace: number;
  readonly name: string;
  own: DefinitionCard | null;
  readonly #shared: Shared;

  constructor(row: { readonly id: number; readonly namespace: number; readonly name: string }, shared: Shared) {
    this.id = row.id;
    this.namespace = row.namespace;
    this.name = row.name;
    this.own = null;
    this.#shared = shared;
  }

  get card(): DefinitionCard | null {
    return this.own ?? this.#shared.card;
  }
  set card(card: DefinitionCard | null) {
    if (this.namespace === everyNamespace) this.#shared.card = card;
    else this.own = card;
  }
}

/** Definitions and lanes by namespace and name, interned in the store, with who can serve each lane. */
export class Definitions {
  readonly #store: Store;
  readonly #life: { readonly boot: number };
  readonly #byName = new Map<string, Known>();
  readonly #byId = new Map<number, Known>();
  readonly #shared = new Map<string, Shared>();
  readonly #lanes = new Map<number, Lane>();
  readonly #laneByKey = new Map<string, Lane>();
  readonly #workers: ReadonlyMap<number, WorkerState>;
  readonly builds: Builds;
  #newDefinitions: DefinitionRow[] = [];
  #newLanes: LaneRow[] = [];

  constructor(
    store: Store,
    boot: Boot,
    life: { readonly boot: number },
    { workers, builds }: { readonly workers: ReadonlyMap<number, WorkerState>; readonly builds: Builds },
  ) {
    this.builds = builds;
    this.#store = store;
    this.#life = life;
    this.#workers = workers;
    for (const d of boot.definitions) this.#add(d, JSON.parse(d.card) as DefinitionCard | null);
    for (const l of boot.lanes) {
      const definition = this.#byId.get(l.definition);
      if (definition)
        this.#addLane(new Lane(l.id, definition, l.needs, boot.depth.get(l.id) ?? { ready: 0, lastPass: 0 }, l.build));
    }
  }

  /** Of definitions with a card, as that namespace knows them; null: in any of them. */
  names(namespace: number | null): string[] {
    const known = [...this.#byName.values()].filter(
      (d) => d.card && (namespace === null || d.namespace === namespace || d.namespace === everyNamespace),
    );
    return [...new Set(known.map((d) => d.name))];
  }
  get lanes(): Iterable<Lane> {
    return this.#lanes.values();
  }
  get(namespace: number, name: string): DefinitionState | undefined {
    return this.#byName.get(keyOf(namespace, name)) ?? this.#byName.get(keyOf(everyNamespace, name));
  }
  byId(id: number): DefinitionState {
    return this.#byId.get(id) as DefinitionState;
  }
  lane(id: number): Lane {
    return this.#lanes.get(id) as Lane;
  }
  /** undefined: another orchestrator has brought it, and it has not been read yet. */
  knownLane(id: number): Lane | undefined {
    return this.#lanes.get(id);
  }

  /** Makes sure that these are known: others may have brought them. */
  know(p: { readonly definitions?: Iterable<number>; readonly lanes?: Iterable<number> }): Promise<void> | undefined {
    for (const id of p.definitions ?? []) if (!this.#byId.has(id)) return this.refresh();
    for (const id of p.lanes ?? []) if (!this.#lanes.has(id)) return this.refresh();
    return undefined;
  }

  /** A name that nobody here has registered may have come with another orchestrator a moment ago: it is looked for once. */
  seek(namespace: number, names: Iterable<string>): Promise<void> | undefined {
    if (!this.#store.shared) return undefined;
    for (const name of names) if (!this.get(namespace, name)?.card) return this.refresh();
    return undefined;
  }

  /** Takes over what other orchestrators have stored. */
  async refresh(): Promise<void> {
    const { definitions, lanes } = await this.#store.catalogue.read();
    for (const d of definitions) {
      const card = JSON.parse(d.card) as DefinitionCard | null;
      const known = this.#byId.get(d.id);
      if (!known) this.#add(d, card);
      else if (card && !hides(card, known.card) && !this.#served(d.name)) known.card = card;
    }
    for (const l of lanes) {
      const definition = this.#byId.get(l.definition);
      if (!definition || this.#lanes.has(l.id)) continue;
      this.#addLane(new Lane(l.id, definition, l.needs, { ready: 0, lastPass: 0 }, l.build));
    }
    this.workersChanged();
  }

  /** A worker here has code for it: its card is the one that counts here. */
  #served(name: string): boolean {
    for (const worker of this.#workers.values()) if (worker.names.has(name)) return true;
    return false;
  }

  /** The registered definition. @throws FLOTILLA_UNKNOWN_DEFINITION */
  require(namespace: number, name: string): DefinitionState & { card: DefinitionCard } {
    if (!this.get(namespace, name)?.card)
      throw new FlotillaError("FLOTILLA_UNKNOWN_DEFINITION", { name, known: this.names(namespace) });
    return this.expect(namespace, name) as DefinitionState & { card: DefinitionCard };
  }

  /** Makes cards known in a namespace; in every one of them when none is named. */
  register(cards: readonly DefinitionCard[], namespace: number = everyNamespace): void {
    for (const card of cards) {
      const known = this.get(namespace, card.name);
      if (hides(card, known?.card ?? null)) continue;
      const there = this.#byName.get(keyOf(namespace, card.name));
      const { id } = there ?? this.#add(rowOf(namespace, card.name), null);
      (this.#byId.get(id) as Known).card = card;
      this.#newDefinitions.push({ id, namespace, name: card.name, card: JSON.stringify(card) });
    }
    this.workersChanged();
  }

  /** The namespace's own row of a name that a task asks for, whoever has registered it, or nobody. */
  expect(namespace: number, name: string): DefinitionState {
    const there = this.#byName.get(keyOf(namespace, name));
    if (there) return there;
    const row = rowOf(namespace, name);
    this.#newDefinitions.push({ ...row, card: "null" });
    return this.#add(row, null);
  }

  /** The lane of a call: the definition with its own needs and the call's, for workers of that version. */
  laneOf(definition: DefinitionState, needs: readonly string[], build = ""): Lane {
    return this.#lane(definition, [...new Set([...(definition.card?.needs ?? []), ...needs])].toSorted(), build);
  }

  /** The same lane for workers of that version. */
  boundTo(lane: Lane, build: string): Lane {
    return this.#lane(lane.definition, lane.needs, build);
  }

  #lane(definition: DefinitionState, needs: readonly string[], build: string): Lane {
    const key = laneKey(definition, needs, build);
    let lane = this.#laneByKey.get(key);
    if (!lane) {
      lane = new Lane(numberOf(key), definition, needs, { ready: 0, lastPass: 0 }, build);
      this.#addLane(lane);
      this.#newLanes.push({ id: lane.id, definition: definition.id, needs, build });
      lane.findWorkers(this.#workers.values(), this);
    }
    return lane;
  }

  workersChanged(): void {
    for (const lane of this.#lanes.values()) lane.findWorkers(this.#workers.values(), this);
    this.builds.watch(this.#boundVersions());
  }

  *#boundVersions(): Generator<string> {
    for (const { build } of this.#lanes.values()) if (build !== "") yield build;
  }

  /** The worker that has the lane's definition and lacks least, with what to do; undefined when none has it. */
  nearest(lane: Lane): string | undefined {
    let best: { name: string; missing: string[] } | undefined;
    for (const worker of this.#workers.values()) {
      if (!serves(worker, lane.definition.namespace)) continue;
      const has =
        worker.names.has(lane.definition.name) || worker.hello.definitions.some((d) => d.implements === lane.definition.name);
      if (!has) continue;
      if (worker.draining || worker.finishing)
        return `worker ${worker.hello.name} has it and is being drained: start another, or flotilla workers resume --build ${worker.hello.build}`;
      const missing = lane.needs.filter((need) => !worker.offers.has(need));
      if (!best || missing.length < best.missing.length) best = { name: worker.hello.name, missing };
    }
    return best && `worker ${best.name} has it but does not offer ${best.missing.join(", ")}: add that to its offers`;
  }

  /** Writes what is new, before the first task that names it. */
  async save(): Promise<void> {
    if (this.#newDefinitions.length === 0 && this.#newLanes.length === 0) return;
    const definitions = this.#newDefinitions;
    const lanes = this.#newLanes;
    this.#newDefinitions = [];
    this.#newLanes = [];
    try {
      await this.#store.catalogue.defineAll({ boot: this.#life.boot, definitions, lanes });
    } catch (e) {
      this.#newDefinitions.unshift(...definitions);
      this.#newLanes.unshift(...lanes);
      throw e;
    }
  }

  #add(row: { readonly id: number; readonly namespace: number; readonly name: string }, card: DefinitionCard | null): Known {
    const shared = this.#shared.get(row.name) ?? { card: null };
    this.#shared.set(row.name, shared);
    const definition = new Known(row, shared);
    if (card !== null) definition.card = card;
    this.#byName.set(keyOf(row.namespace, row.name), definition);
    this.#byId.set(definition.id, definition);
    return definition;
  }
  #addLane(lane: Lane): void {
    this.#lanes.set(lane.id, lane);
    this.#laneByKey.set(laneKey(lane.definition, lane.needs, lane.build), lane);
  }
}

/** A contract never hides the definition that fulfils it under the same name. */
function hides(card: DefinitionCard, known: DefinitionCard | null): boolean {
  return card.kind === "contract" && known !== null && known.kind !== "contract";
}
function laneKey(definition: DefinitionState, needs: readonly string[], build: string): string {
  return `${definition.id} ${JSON.stringify(needs)}${build === "" ? "" : ` ${build}`}`;
}
function keyOf(namespace: number, name: string): string {
  return `${namespace} ${name}`;
}

/** The same in every process: numbers of definitions are made from their names. */
function rowOf(namespace: number, name: string) {
  return { id: numberOf(keyOf(namespace, name)), namespace, name };
}
