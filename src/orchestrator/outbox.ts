// Starts that users' transactions have left in the store. Every orchestrator looks for them with each look, and makes runs
// of them by the way that every start takes; that one of them does is settled by the row, which is deleted with it.
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import { runId } from "../core/id.ts";
import { defaultNamespace } from "../core/namespace.ts";
import type { TransactionStarts } from "../protocol/outbox.ts";
import type { StartRequest } from "../protocol/views.ts";
import type { OutboxRow, OutboxStore } from "../store/outbox.ts";
import type { Engine } from "./engine.ts";
import { tryFindTask } from "./lookup.ts";
import { instantsOfStart } from "./start-instants.ts";

/** Rows of one look: half a batch. */
const pageMax = 256;
/** What could not be stored is tried again: after 250 ms, 500 ms, ... */
const backoffMsMin = 250;
const backoffMsMax = 60_000;
/** Another orchestrator may just be making a definition known: 250 + 500 + 1,000 + 2,000 ms. */
const unknownTries = 4;
/** How long a handle waits for its run; and between two looks for it. */
const storedMs = 30_000;
const askMsMin = 20;
const askMsMax = 250;

export class OutboxDrain {
  readonly #engine: Engine;
  readonly #outbox: OutboxStore;
  /** On their way into a batch. */
  readonly #taking = new Set<number>();
  readonly #failed = new Map<number, Failed>();
  /** The queue is full, or the store does not answer: no row fares better than another. */
  #paused: Failed = { tries: 0, until: 0 };

  constructor(engine: Engine, outbox: OutboxStore) {
    this.#engine = engine;
    this.#outbox = outbox;
  }

  /** Rows wait: those that nobody here is at become starts of the next batch. */
  async take(): Promise<void> {
    const { state } = this.#engine;
    if (state.draining) return;
    const now = state.clock.elapsedMs();
    if (this.#paused.until > now) return;
    const waiting = [...this.#failed].filter(([, f]) => f.until > now).map(([task]) => task);
    const rows = await this.#outbox.peek({ limit: pageMax, without: [...this.#taking, ...waiting] });
    const requests = rows.map((row) => ({ row, request: readRequest(row) }));
    // Its definition may have been stored a moment ago.
    if (requests.some(({ row, request }) => !state.definitions.get(row.namespace, request.name)?.card))
      await state.definitions.refresh();
    for (const { row, request } of requests) this.#start(row, request, rows.length === pageMax);
    this.#forget(now);
  }

  #start(row: OutboxRow, request: StartRequest, more: boolean): void {
    const { task, secret, namespace } = row;
    const tries = this.#failed.get(task)?.tries ?? 0;
    const done = () => {
      this.#taking.delete(task);
      this.#failed.delete(task);
      this.#paused = { tries: 0, until: 0 };
      // As soon as the page is through, the next one; not with each of its rows.
      if (more && this.#taking.size === 0) this.#engine.look();
    };
    this.#taking.add(task);
    this.#engine.start({
      request,
      namespace,
      outbox: { task, secret, patient: tries < unknownTries },
      resolve: done,
      reject: (error) => {
        // It is stored, and its failure says so.
        if (isFlotillaError(error, "FLOTILLA_IDEMPOTENCY_CONFLICT")) return done();
        this.#taking.delete(task);
        const { clock, log } = this.#engine.state;
        const now = clock.elapsedMs();
        log("debug", "a start of a committed transaction waits", { run: task, error: String(error) });
        if (isFlotillaError(error) && error.code !== "FLOTILLA_UNKNOWN_DEFINITION") {
          // Of a whole page the first one tells.
          if (this.#paused.until <= now) this.#paused = later(this.#paused.tries, now);
        } else this.#failed.set(task, later(tries, now));
      },
    });
  }

  /** Rows that others have taken meanwhile. */
  #forget(now: number): void {
    for (const [task, { until }] of this.#failed) if (until + 2 * backoffMsMax < now) this.#failed.delete(task);
  }
}

interface Failed {
  readonly tries: number;
  readonly until: number;
}

function later(tries: number, now: number): Failed {
  return { tries: tries + 1, until: now + Math.min(backoffMsMin * 2 ** tries, backoffMsMax) };
}

/** Written by ourselves, and read with care: what is not understood becomes a run that has failed, and is not lost. */
function readRequest(row: OutboxRow): StartRequest {
  let read: unknown;
  try {
    read = JSON.parse(row.request);
  } catch {
    read = null;
  }
  const { name, input, ...rest } = (typeof read === "object" && read !== null ? read : {}) as Partial<StartRequest>;
  const text = (value: unknown, instead: string) => (typeof value === "string" ? value : instead);
  return { ...rest, name: text(name, "unreadable"), input: text(input, "null") };
}

/** What clients ask. */
export function transactionStarts(engine: Engine, outbox: OutboxStore, secret: () => string): TransactionStarts {
  const { state } = engine;
  return {
    async submit(request, { tx, notify }) {
      const namespace = defaultNamespace.id;
      const definition = state.definitions.require(namespace, request.name);
      const drawn = secret();
      const { idempotencyKey: key = null, inputHash = null } = request;
      const { task, existing } = await outbox.submit({
        tx,
        secret: drawn,
        namespace,
        definition: definition.id,
        key,
        inputHash,
        request: JSON.stringify(fromNow(request, state.clock.now())),
        notify,
      });
      if (existing === null) return { id: runId(drawn, task), existing: false };
      const id = runId(existing.secret, task);
      if (existing.inputHash !== inputHash) throw new FlotillaError("FLOTILLA_IDEMPOTENCY_CONFLICT", { key: key ?? "", run: id });
      return { id, existing: true };
    },
    async stored(id) {
      const until = state.clock.elapsedMs() + storedMs;
      for (let waitMs = askMsMin; ; waitMs = Math.min(waitMs * 2, askMsMax)) {
        if (await tryFindTask(state, id)) return;
        const left = until - state.clock.elapsedMs();
        if (left <= 0) throw notStored(id);
        // Committed here a moment ago, it need not wait for the next look by the clock.
        engine.look();
        await new Promise<void>((resolve) => void state.clock.after(Math.min(waitMs, left), resolve));
      }
    },
  };
}

/** Spans count from the call, not from whenever it is stored. @throws FLOTILLA_CONFIG_INVALID */
function fromNow({ delayMs, deadlineMs, ...request }: StartRequest, now: number): StartRequest {
  const spans = { ...(delayMs !== undefined && { delayMs }), ...(deadlineMs !== undefined && { deadlineMs }) };
  const { dueAt, deadlineAt } = instantsOfStart({ ...request, ...spans }, now);
  return {
    ...request,
    ...(dueAt !== null && { startAt: new Date(dueAt).toISOString() }),
    ...(deadlineAt !== null && { deadlineAt: new Date(deadlineAt).toISOString() }),
  };
}

function notStored(id: string): FlotillaError {
  const why = `its transaction was rolled back, or has not committed within ${storedMs / 1000} s`;
  return new FlotillaError("FLOTILLA_NOT_FOUND", { what: "run", id, why });
}
