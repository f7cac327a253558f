// One worker process and its link. The worker is the one that ships; what it hears and says passes the places where a
// fault may strike.
import type { AnyCallable } from "../../src/core/definition.ts";
import type { Attachment } from "../../src/orchestrator/orchestrator.ts";
import type { FromWorker, ToWorker, WorkerLink } from "../../src/protocol/worker.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";
import type { Life } from "./life.ts";
import { Link } from "./link.ts";
import { Process } from "./schedule.ts";
import type { World } from "./world.ts";

export interface HostPlan {
  readonly name: string;
  readonly slots: number;
  readonly definitions: readonly AnyCallable[];
  /** In the orchestrator's own process: it ends with it, and nothing kills it alone. */
  readonly inside?: boolean;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
/** What the protocol lets come twice: each of them is a fact, and a fact can be told again. */
const repeatable: ReadonlySet<string> = new Set(["settle", "ended", "pong", "deliver", "ack", "cancel"]);

export class Host {
  readonly plan: HostPlan;
  readonly life: Life;
  readonly process: Process;
  readonly worker: Worker;
  readonly name: string;
  /** Agents' code under way. */
  executing = 0;
  #attachment: Attachment | undefined;
  readonly #world: World;
  readonly #link: Link<FromWorker, ToWorker>;
  #gone = false;

  constructor(world: World, life: Life, plan: HostPlan, name: string) {
    const { schedule, record } = world;
    this.#world = world;
    this.life = life;
    this.plan = plan;
    this.process = plan.inside ? life.process : new Process(name, schedule);
    this.name = name;
    this.#link = new Link(schedule, life.process, this.process, world.linkMs);
    record.add({ t: "worker", worker: name, slots: plan.slots });
    world.host(this);
    this.worker = world.bend.worker(
      createWorker(
        {
          name,
          slots: plan.slots,
          offers: [],
          build: "b",
          isolation: plan.inside ? "in-process" : "child-process",
          continuations: world.continuations,
          definitions: plan.definitions.map((d) => d["~definition"]),
        },
        { clock: this.process.clock, random: schedule.random, nextTurn: this.process.nextTurn, log: silent },
        (m) => this.#say(m),
      ),
    );
    const hello = { ...this.worker.hello(), pid: 1 };
    this.#link.up(hello, () => this.#attach(hello));
  }

  #attach(hello: ReturnType<Worker["hello"]>): void {
    const link: WorkerLink = {
      send: (m) => this.#tell(m),
      kill: (why) => {
        this.#world.schedule.after(1 + this.#world.schedule.below(20), undefined, () => this.exit(why));
      },
    };
    this.#attachment = this.life.orchestrator?.attach(link, hello);
  }

  // ---------- the orchestrator speaks

  #tell(m: ToWorker): void {
    const { points } = this.#world;
    const { life } = this;
    if (life.process.dead) return;
    if (m.t === "assign" && points.reached("before assign")) return life.die();
    if (m.t === "deliver" && points.reached("before deliver")) return life.die();
    if (m.t === "ack" && points.reached("before ack")) return life.die();
    if (m.t === "cancel" && points.reached("before cancel is told")) return life.die();
    if (m.t === "parked" && points.reached("before parked is told")) return life.die();
    this.#send(m);
    if (m.t === "parked" && points.reached("after parked is told")) life.die();
    else if (m.t === "assign" && points.reached("after assign")) life.die();
    else if (m.t === "deliver" && points.reached("after deliver")) life.die();
    else if (m.t === "ack" && points.reached("after ack")) life.die();
  }

  #send(m: ToWorker): void {
    const { points } = this.#world;
    this.#link.down(m, (heard) => this.#hear(heard), this.#slowMs());
    if (repeatable.has(m.t) && points.reached("a message comes twice")) this.#link.down(m, (heard) => this.#hear(heard));
  }

  #hear(m: ToWorker): void {
    const { record, points } = this.#world;
    const name = this.name;
    if (m.t === "assign") {
      if (!this.plan.inside && points.reached("a worker dies as tasks reach it")) return this.exit("died");
      for (const task of m.tasks) this.#world.assigned(task.fence, this);
      record.add({ t: "assigned", worker: name, tasks: m.tasks });
    }
    if (m.t === "deliver") record.add({ t: "delivered", worker: name, fence: m.fence, deliveries: m.deliveries });
    if (m.t === "ack") record.add({ t: "acked", worker: name, fence: m.fence, act: m.act });
    this.worker.receive(m);
  }

  #slowMs(): number {
    const { points, schedule } = this.#world;
    return points.reached("a link is slow") ? 300 + schedule.below(5_000) : 0;
  }

  // ---------- the worker speaks

  #say(m: FromWorker): void {
    const { points } = this.#world;
    if (this.process.dead) return;
    const mortal = !this.plan.inside;
    if (m.t === "settle") {
      this.#world.remember(m);
      if (mortal && m.result.status === "continued" && points.reached("a worker dies as a workflow continues anew"))
        return this.#dieSaying(m);
      if (mortal && points.reached("a worker dies with its settle under way")) return this.#dieSaying(m);
    }
    if (m.t === "acts") {
      this.#world.remember(m);
      const parks = m.acts.some((a) => a.kind === "wait" && a.park);
      if (mortal && parks && points.reached("a worker dies as a workflow is parked")) return this.#dieSaying(m);
      if (mortal && points.reached("a worker dies with its acts under way")) return this.#dieSaying(m);
    }
    this.#link.up(m, (said) => this.#arrive(said), this.#slowMs());
    if (repeatable.has(m.t) && points.reached("a message comes twice")) this.#link.up(m, (said) => this.#arrive(said));
    if (m.t === "goodbye") this.#world.schedule.after(1, undefined, () => this.exit("left"));
  }

  /** What it said may have left it, or not. */
  #dieSaying(m: FromWorker): void {
    if (this.#world.schedule.chance(0.5)) this.#link.up(m, (said) => this.#arrive(said));
    this.exit("was killed by SIGKILL");
  }

  #arrive(m: FromWorker): void {
    const { points } = this.#world;
    const { life } = this;
    if (!this.#attachment) return;
    if (m.t === "settle" && points.reached("before a settle is taken")) return life.die();
    if (m.t === "acts" && points.reached("before acts are taken")) return life.die();
    this.#attachment.receive(m);
    if (m.t === "settle" && points.reached("after a settle is taken")) life.die();
    else if (m.t === "acts" && points.reached("after acts are taken")) life.die();
    if (m.t === "settle" || m.t === "acts") this.#late();
  }

  /** Something that a worker said in another life, or under a lease that is over, comes by this worker's link. */
  #late(): void {
    const { points, schedule } = this.#world;
    if (!points.mayStrike("a message of an old life comes") || schedule.chance(0.8)) return;
    const old = this.#world.oldMessage(this);
    if (old && points.reached("a message of an old life comes")) this.#attachment?.receive(old);
  }

  // ---------- ends

  /** The process ends now. Whoever started it sees that, and what it had sent before still arrives. */
  exit(how: string): void {
    if (this.#gone) return;
    this.#gone = true;
    const { schedule, record } = this.#world;
    const after = 1 + schedule.below(30);
    // What is on its way comes first, as the pipe of a dead child is read to its end.
    if (!this.process.dead) this.#link.up({ t: "goodbye", reason: how }, () => this.#lost(how), after);
    if (!this.plan.inside) this.process.kill();
    record.add({ t: "worker gone", worker: this.name });
    this.#world.lostHost(this);
  }

  /** The link breaks while both ends live: what was under way is gone, and the worker ends soon after it has noticed. */
  cut(): void {
    if (this.#gone || !this.#link.open) return;
    this.#link.open = false;
    const { schedule } = this.#world;
    schedule.after(schedule.below(60), this.life.process, () => this.#lost("its link was lost"));
    schedule.after(schedule.below(60), this.process, () => void this.worker.stop());
    schedule.after(2_000, undefined, () => this.exit("its link was lost"));
  }

  #lost(how: string): void {
    this.#attachment?.lost(how, { observed: this.#link.open && how !== "left" });
    this.#attachment = undefined;
  }
}
