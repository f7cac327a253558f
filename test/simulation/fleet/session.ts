// One worker's link to one life of an orchestrator, from its hello to its end. Faults strike where either end speaks.
import type { Attachment } from "../../../src/orchestrator/orchestrator.ts";
import type { FromWorker, Hello, Inventory, ToWorker } from "../../../src/protocol/worker.ts";
import { Link } from "../link.ts";
import type { Schedule } from "../schedule.ts";
import type { FleetHost } from "./host.ts";
import type { FleetLife } from "./life.ts";
import type { FleetPoint, FleetPoints } from "./points.ts";

/** How long a closed link is taken for a blip. */
const graceMs = 3_000;

export interface Around {
  readonly schedule: Schedule;
  readonly points: FleetPoints;
  readonly linkMs: number;
}

export class Session {
  readonly life: FleetLife;
  readonly host: FleetHost;
  readonly #world: Around;
  readonly #link: Link<FromWorker, ToWorker>;
  #attachment: Attachment | undefined;
  /** The worker has let go of it. */
  #left = false;

  constructor(world: Around, life: FleetLife, host: FleetHost, hello: Hello, inventory: Inventory | undefined) {
    this.#world = world;
    this.life = life;
    this.host = host;
    this.#link = new Link(world.schedule, life.process, host.process, world.linkMs);
    this.#link.up(hello, () => this.#attach(hello, inventory));
  }

  get open(): boolean {
    return this.#link.open;
  }

  #attach(hello: Hello, inventory: Inventory | undefined): void {
    const { life, host } = this;
    const { points, schedule } = this.#world;
    if (inventory && points.reached("an inventory comes")) return life.die();
    life.sessions.add(this);
    if (schedule.chance(0.5))
      for (const other of life.sessions) if (other !== this && other.host === host) other.lost("came back", false);
    this.#attachment = life.orchestrator?.attach(
      {
        send: (m) => this.#tell(m),
        leave: () => this.cut(),
        kill: (why) => {
          schedule.after(1 + schedule.below(20), undefined, () => {
            if (host.plan.inside || schedule.chance(0.5)) host.exit(why, false);
            else this.cut();
          });
        },
      },
      hello,
      inventory ? { inventory } : {},
    );
    if (inventory && points.reached("a link is lost as its worker is adopted"))
      schedule.after(schedule.below(30), undefined, () => this.cut());
  }

  // ---------- the orchestrator speaks

  #tell(m: ToWorker): void {
    const { points, schedule } = this.#world;
    const { life } = this;
    if (life.process.dead) return;
    const at = (when: "before" | "after"): FleetPoint | undefined => {
      switch (m.t) {
        case "assign":
          return when === "before" ? "before assign" : "after assign";
        case "deliver":
          return when === "before" ? "before deliver" : "after deliver";
        case "adopted":
          return when === "before" ? "before adopted is told" : "after adopted is told";
        case "cancel":
          return when === "before" ? "before cancel is told" : undefined;
        case "ack":
          return when === "after" ? "after ack" : undefined;
        case "parked":
          return when === "after" ? "after parked is told" : undefined;
        default:
          return undefined;
      }
    };
    const before = at("before");
    if (before && points.reached(before)) return life.die();
    const slowMs = points.reached("a link is slow") ? 300 + schedule.below(2_000) : 0;
    this.#link.down(m, (heard) => this.host.hear(this, heard), slowMs);
    const after = at("after");
    if (after && points.reached(after)) life.die();
  }

  // ---------- the worker speaks

  up(m: FromWorker): void {
    const { points, schedule } = this.#world;
    const slowMs = points.reached("a link is slow") ? 300 + schedule.below(2_000) : 0;
    this.#link.up(m, (said) => this.#arrive(said), slowMs);
  }

  #arrive(m: FromWorker): void {
    const { points } = this.#world;
    const { life } = this;
    if (!this.#attachment) return;
    this.#attachment.receive(m);
    if (m.t === "settle" && points.reached("after a settle is taken")) life.die();
    else if (m.t === "acts" && points.reached("after acts are taken")) life.die();
  }

  // ---------- ends

  /** The link breaks: both ends see that, each at its own time. What was under way is gone. */
  cut(): void {
    if (!this.#link.open) return;
    this.#link.open = false;
    const { schedule } = this.#world;
    schedule.after(schedule.below(60), this.host.process, () => this.#leave());
    schedule.after(schedule.below(60), this.life.process, () => {
      this.#attachment?.reachable(false);
      schedule.after(graceMs, this.life.process, () => this.lost("its link was lost", false));
    });
  }

  /** The worker gives it up. */
  drop(): void {
    this.cut();
    this.#leave();
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.host.unlinked(this);
  }

  /** The worker's process has ended: what it had sent still arrives. */
  ended(how: string, observed: boolean): void {
    if (!this.#link.open) return;
    this.#left = true;
    const { schedule } = this.#world;
    this.#link.up(
      { t: "goodbye", reason: how },
      () => {
        if (observed) this.lost(how, true);
        else schedule.after(graceMs, this.life.process, () => this.lost(how, false));
      },
      1 + schedule.below(30),
    );
  }

  /** The orchestrator is told, once. */
  lost(how: string, observed: boolean): void {
    this.#link.open = false;
    this.life.sessions.delete(this);
    const attachment = this.#attachment;
    this.#attachment = undefined;
    attachment?.lost(how, { observed });
  }
}
