import { FlotillaError } from "../core/error.ts";
import { runId } from "../core/id.ts";
import type { Instants, ScheduleSpec, Timing } from "../core/schedule.ts";
import type { ScheduleRequest, SchedulesApi, ScheduleView } from "../protocol/schedules.ts";
import type { StartReply } from "../protocol/views.ts";
import type { ScheduleRow } from "../store/schedules.ts";
import type { Engine } from "./engine.ts";
import { checkInput } from "./intake.ts";
import { pageSize } from "./queries.ts";
import { instantsOf } from "./schedule-instants.ts";
import { resolveSchedule } from "./schedule-spec.ts";
import type { State } from "./state.ts";

type Reads = Pick<SchedulesApi, "list" | "get">;

export function readSchedules(state: State, namespace: number): Reads {
  return {
    async list(q) {
      const limit = pageSize(q.limit);
      const rows = await state.store.schedules.list({ namespace, after: q.after ?? "", limit: limit + 1 });
      const items = rows.slice(0, limit).map(scheduleView);
      return { items, next: rows.length > limit ? (items.at(-1)?.name ?? null) : null };
    },
    get: async (name) => scheduleView(await find(state, namespace, name)),
  };
}

/** Schedules of one namespace of a live orchestrator. */
export class Schedules implements SchedulesApi {
  readonly #engine: Engine;
  readonly #state: State;
  readonly #namespace: number;
  readonly list: Reads["list"];
  readonly get: Reads["get"];

  constructor(engine: Engine, namespace: number) {
    this.#namespace = namespace;
    this.#engine = engine;
    this.#state = engine.state;
    ({ list: this.list, get: this.get } = readSchedules(engine.state, namespace));
  }

  put(r: ScheduleRequest): Promise<ScheduleView> {
    return this.#put(r, "api");
  }

  /**
   * What the fleet's definition holds. `whole`: what it held before and holds no more is deleted. Ticks that were held
   * back until now may go.
   */
  async adopt(requests: readonly ScheduleRequest[], o: { readonly whole: boolean }): Promise<void> {
    const { store } = this.#state;
    for (const request of requests) await this.#put(request, "code");
    const names = new Set(requests.map((r) => r.name));
    const namespace = this.#namespace;
    for (const name of o.whole ? await store.schedules.fromCode({ namespace }) : []) {
      if (names.has(name)) continue;
      await store.schedules.delete({ boot: this.#state.boot, namespace, name });
      this.#state.log("info", "a schedule that the fleet's definition no longer holds is deleted", { schedule: name });
    }
    this.#state.ticksHeld = false;
    await this.#moved();
  }

  pause(name: string): Promise<ScheduleView> {
    return this.#move(name, (row) => row.pausedAt === null && { pausedAt: this.#state.clock.now(), nextAt: null });
  }

  resume(name: string): Promise<ScheduleView> {
    return this.#move(name, async (row) => {
      if (row.pausedAt === null) return false;
      // The ticks of the pause are not missed: they were not wanted.
      return { pausedAt: null, nextAt: this.#firstAt(await instantsOf(specOf(row)), row) };
    });
  }

  async delete(name: string): Promise<void> {
    const there = await this.#state.store.schedules.delete({ boot: this.#state.boot, namespace: this.#namespace, name });
    if (!there) throw notFound(name);
    await this.#moved();
  }

  async trigger(name: string): Promise<StartReply> {
    const row = await find(this.#state, this.#namespace, name);
    const { target, tenant, overlap } = specOf(row);
    const request = { name: target, input: row.input, ...(tenant === null ? {} : { tenant }) };
    const schedule = { id: row.id, name, at: null, alone: overlap === "skip" };
    return new Promise((resolve, reject) => this.#engine.start({ request, namespace: row.namespace, schedule, resolve, reject }));
  }

  async #put(r: ScheduleRequest, origin: ScheduleRow["origin"]): Promise<ScheduleView> {
    const { store, clock, boot, definitions } = this.#state;
    const namespace = this.#namespace;
    definitions.require(namespace, r.target);
    checkInput(r.input, r.target);
    const { spec, instants } = await resolveSchedule(r);
    const text = JSON.stringify(spec);
    for (;;) {
      const before = await store.schedules.get({ namespace, name: r.name });
      if (before && before.spec === text && before.input === r.input && before.origin === origin) return scheduleView(before);
      const nextAt = before && sameTiming(specOf(before), spec) ? "keep" : this.#firstAt(instants, before);
      const fields = { boot, namespace, name: r.name, origin, spec: text, input: r.input, nextAt, now: clock.now() } as const;
      // False: somebody changed it between the read and the write.
      if (await store.schedules.put({ ...fields, before })) break;
    }
    await this.#moved();
    return this.get(r.name);
  }

  async #move(
    name: string,
    change: (row: ScheduleRow) => Awaitable<{ pausedAt: number | null; nextAt: number | null } | false>,
  ): Promise<ScheduleView> {
    const { store, boot, clock } = this.#state;
    for (;;) {
      const row = await find(this.#state, this.#namespace, name);
      const to = await change(row);
      if (!to) return scheduleView(row);
      if (await store.schedules.move({ boot, id: row.id, rev: row.rev, ...to, now: clock.now() })) break;
    }
    await this.#moved();
    return this.get(name);
  }

  /** From now on, and never at or before a tick that was dealt with: the clock may have gone back. */
  #firstAt(instants: Instants, row: ScheduleRow | null): number | null {
    return instants.after(Math.max(this.#state.clock.now() - 1, row?.lastAt ?? 0));
  }

  async #moved(): Promise<void> {
    this.#state.nextTickAt = await this.#state.store.schedules.nextAt();
    this.#engine.wakeAtNextDue();
  }
}

type Awaitable<T> = T | Promise<T>;

async function find(state: State, namespace: number, name: string): Promise<ScheduleRow> {
  const row = await state.store.schedules.get({ namespace, name });
  if (!row) throw notFound(name);
  return row;
}

function notFound(name: string): Error {
  return new FlotillaError("FLOTILLA_NOT_FOUND", { what: "schedule", id: name });
}

export function specOf(row: ScheduleRow): ScheduleSpec {
  return JSON.parse(row.spec) as ScheduleSpec;
}

function sameTiming(a: Timing, b: Timing): boolean {
  return (
    a.cron === b.cron && a.everyMs === b.everyMs && a.timeZone === b.timeZone && a.startAt === b.startAt && a.endAt === b.endAt
  );
}

function scheduleView(row: ScheduleRow): ScheduleView {
  const { target, tenant, startAt, endAt, ...spec } = specOf(row);
  return {
    name: row.name,
    target,
    input: JSON.parse(row.input) as unknown,
    cron: spec.cron,
    everyMs: spec.everyMs,
    timeZone: spec.timeZone,
    tenant: tenant ?? "default",
    onMissed: spec.onMissed,
    overlap: spec.overlap,
    startAt: iso(startAt),
    endAt: iso(endAt),
    origin: row.origin,
    state: row.pausedAt !== null ? "paused" : row.nextAt === null ? "ended" : "active",
    nextAt: iso(row.nextAt),
    lastAt: iso(row.lastAt),
    lastRun: row.lastRun && runId(row.lastRun.secret, row.lastRun.task),
    skipped: row.skipped && {
      fromAt: iso(row.skipped.fromAt) as string,
      toAt: iso(row.skipped.toAt) as string,
      why: row.skipped.why,
    },
    createdAt: iso(row.createdAt) as string,
    updatedAt: iso(row.updatedAt) as string,
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
