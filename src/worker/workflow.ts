// A workflow's attempt: its code runs in turns of the pump, its asks become acts, and a re-run is held back until it
// has caught up with its journal.
//
//   ask in a window ──▶ claim in the journal ──▶ recorded: nothing to send
//                                           └──▶ new: act n+1, queued
//   end of a turn   ──▶ mismatch? ──▶ caught up? ──▶ acts leave, steps start ──▶ next turn | idle | the end
//
// Until `liveFrom` is delivered and drained, queued acts, steps in doubt, cancels and the end wait.
import { errorFromJson, FlotillaError, type ErrorJson } from "../core/error.ts";
import { childTaskId } from "../core/id.ts";
import type { Act, AttemptResult, Delivery, JournalEntry } from "../protocol/worker.ts";
import type { Attempt, Body } from "./attempt.ts";
import { boundedError, classify } from "./classify.ts";
import { Journal, type Mismatch } from "./journal.ts";
import { Scope } from "./keys.ts";
import { Pump, type PumpHooks } from "./pump.ts";
import { StepRunner } from "./step-runner.ts";
import { insideStep, track } from "./track.ts";
import { unsupported } from "./unsupported.ts";
import { Gaps } from "./gaps.ts";
import { inputOf } from "./input.ts";
import type { Shield } from "./shield.ts";
import { StateAnswers } from "./state-answers.ts";
import { isThenable, resultText } from "./values.ts";
import { createWorkflowContext } from "./workflow-context.ts";

type Run = (input: unknown, ctx: unknown) => unknown;

/** What waits for a delivery. */
export interface Receiver {
  readonly scope: Scope;
  /** Part of what the code may await: false for a detached child. */
  readonly awaited: boolean;
  /** Set while its value is being loaded: the pump waits, because a value is there before its turn. */
  readonly loading?: boolean;
  /** @returns whether the workflow's code may run because of it. */
  take(d: Delivery): boolean;
  /** The code has left it before it was delivered: whatever it brings, the code gets a cancel. Then the store must hear of it. */
  leave?(reason: string): void;
}

export interface Asked {
  readonly key: string;
  readonly act: number;
  /** Set when an earlier attempt asked the same. */
  readonly row: JournalEntry | undefined;
}

type Ending = { readonly value: unknown } | { readonly thrown: unknown } | { readonly continued: string };

export class WorkflowBody implements Body, PumpHooks {
  readonly attempt: Attempt;
  readonly root = new Scope("", undefined);
  readonly pump: Pump;
  /** Values being loaded for deliveries that wait for them. */
  loads = 0;
  emits = 0;
  /** The task is being canceled: what its code was told. */
  canceled: ErrorJson | undefined;
  #shields: Set<Shield> | undefined;
  #gaps: Gaps | undefined;
  #answers: StateAnswers | undefined;
  #kept: ReadonlySet<string> | undefined;
  /** Waits for messages that the code has left before they were delivered. */
  #left: Set<number> | undefined;
  readonly #journal: Journal;
  #steps: StepRunner | undefined;
  readonly #receivers: (Receiver | undefined)[] = [];
  #lastAct: number;
  /** Awaited asks that have not been delivered. */
  #open = 0;
  #children = 0;
  #live: boolean;
  /** Held until live. */
  #held: Act[] | undefined;
  #input: unknown;
  #begun = false;
  #turning = false;
  #resuming = false;
  #ending: Ending | undefined;
  /** What had settled before this attempt reaches up to here; it comes in pages. */
  readonly #lastSeq: number;
  #asksMore = false;

  constructor(attempt: Attempt) {
    this.attempt = attempt;
    const { journal, acts, startedAt, deliveries, baseSeq = 0, lastSeq = baseSeq } = attempt.assignment;
    this.#journal = new Journal(journal, baseSeq);
    this.#live = this.#journal.empty;
    this.#lastAct = acts;
    this.#lastSeq = Math.max(lastSeq, deliveries.at(-1)?.seq ?? 0);
    this.pump = new Pump(startedAt, attempt.host.nextTurn, this, baseSeq);
    this.pump.offer(deliveries);
    attempt.forgetHistory();
  }

  // Made when first used: 10,000 waiting workflows have none of them.
  get steps(): StepRunner {
    return (this.#steps ??= new StepRunner(this));
  }
  get shields(): Set<Shield> {
    return (this.#shields ??= new Set());
  }
  get gaps(): Gaps {
    return (this.#gaps ??= new Gaps());
  }
  /** What its code answers about its state. */
  get answers(): StateAnswers {
    return (this.#answers ??= new StateAnswers(this.attempt));
  }

  /** True until a re-run has caught up: what the code says was said before. */
  get muted(): boolean {
    return !this.#live;
  }

  /** Children asked so far, recorded ones counted. */
  get children(): number {
    return this.#children;
  }

  // ---------- the code asks

  /** undefined: nobody listens any more, the ask is ignored. @throws FLOTILLA_CANCELED */
  ask(kind: JournalEntry["kind"], scope: Scope, base: string, inputHash: string): Asked | undefined {
    if (this.attempt.closed || this.#ending) return undefined;
    if (!this.pump.open) {
      this.#outside(scope.path + base);
      return undefined;
    }
    if (this.canceled && !scope.isShielded) {
      if (this.root.isSilent()) return undefined;
      throw errorFromJson(this.canceled);
    }
    // What leaves no work behind (an emit, a step, a message) is let through: only the scope was canceled.
    if (scope.canceled !== undefined && kind !== "emit" && kind !== "step" && kind !== "send") {
      if (scope.isSilent()) return undefined;
      // One error for all of them: 100,000 of their own are 10 s.
      throw (scope.refusal ??= new FlotillaError("FLOTILLA_CANCELED", { by: scope.canceled }));
    }
    const key = scope.key(base);
    const claim = this.#journal.claim(kind, key, inputHash);
    if ("mismatch" in claim) {
      this.#mismatch(claim.mismatch);
      return undefined;
    }
    return { key, act: claim.row?.act ?? ++this.#lastAct, row: claim.row };
  }

  /** A step that an earlier run has done: its result is taken over. */
  isKept(key: string): boolean {
    const { kept } = this.attempt.assignment;
    if (!kept) return false;
    return (this.#kept ??= new Set(kept)).has(key);
  }

  /** Queues an act; it leaves at the end of this turn, or when a re-run has caught up. */
  submit(act: Act): void {
    // In a window the end of the turn flushes.
    if (this.#live) this.attempt.act(act, this.pump.open);
    else (this.#held ??= []).push(act);
  }

  await(act: number, receiver: Receiver): void {
    this.#receivers[act] = receiver;
    if (receiver.awaited) this.#open++;
  }

  countChild(): number {
    return ++this.#children;
  }

  /** Whether the ask behind `act` has not been delivered. */
  isOpen(act: number): boolean {
    return this.#receivers[act] !== undefined;
  }

  cancel(act: number, reason: string): void {
    if (this.attempt.closed || this.#ending || !this.isOpen(act)) return;
    if (!this.pump.open) return this.#outside(`the cancel of act ${act}`);
    const receiver = this.#receivers[act] as Receiver;
    if (receiver.leave) {
      receiver.leave(reason);
      (this.#left ??= new Set()).add(act);
    }
    this.submit({ kind: "cancel", act, reason });
  }

  // ---------- turns

  go(): void {
    this.#resuming = false;
    if (this.#begun) return this.#turn();
    try {
      const input = inputOf(this.attempt);
      if (input instanceof Promise)
        input.then(
          (i) => this.#parsed(i),
          (e) => this.#fail(e),
        );
      else this.#parsed(input);
    } catch (e) {
      this.#fail(e);
    }
  }

  #parsed(input: unknown): void {
    if (this.attempt.closed) return;
    this.#begun = true;
    this.#input = input;
    this.#turn();
  }

  #turn(): void {
    this.#turning = true;
    this.pump.turn();
  }

  begin(): void {
    const { attempt } = this;
    const input = this.#input;
    this.#input = undefined;
    try {
      const returned = track(attempt, attempt.definition.run as Run, input, createWorkflowContext(this, this.root));
      if (isThenable(returned)) {
        returned.then(
          (value) => this.#end({ value }),
          (thrown: unknown) => this.#end({ thrown }),
        );
      } else this.#end({ value: returned });
    } catch (thrown) {
      this.#end({ thrown });
    }
  }

  #end(ending: Ending): void {
    if (this.attempt.closed || this.#ending) return;
    if (!this.pump.open) return this.#foreign("the end of the workflow");
    this.#ending = ending;
  }

  /** No more asks outside shields, and it ends by itself; the input of the next execution is at hand. */
  continueAs(text: string): void {
    if (this.attempt.closed || this.#ending) return;
    if (!this.pump.open) return this.#outside("ctx.continueAs");
    this.#ending = { continued: text };
  }

  expect(d: Delivery): boolean {
    if (this.#ending) return false;
    // Several deliveries may share a turn when no code sees them: each is a turn of its own to the journal.
    const asked = d.act === 0 || this.isOpen(d.act) || this.#dropped?.has(d.act) === true;
    const mismatch = this.#journal.afterTurn(this.pump.delivered) ?? (asked ? undefined : this.#journal.beforeDelivery(d.act));
    if (mismatch) {
      this.#mismatch(mismatch);
      return false;
    }
    return this.#receivers[d.act]?.loading !== true;
  }

  hand(d: Delivery): boolean {
    if (d.act === 0) return this.#cancel(d);
    if (this.#dropped?.delete(d.act)) return false;
    if (d.status === "partial") this.gaps.add({ task: childTaskId(this.attempt.assignment.publicId, d.act), status: "partial" });
    return this.#hand(d);
  }

  #hand(d: Delivery): boolean {
    const receiver = this.#receivers[d.act] as Receiver;
    this.#receivers[d.act] = undefined;
    receiver.scope.closed(d.act);
    if (receiver.awaited) this.#open--;
    try {
      return receiver.take(d);
    } catch (e) {
      this.giveBack(e); // a value that is not JSON
      return true;
    }
  }

  /** Asks that a cancel has answered: what comes of them later is nobody's. */
  #dropped: Set<number> | undefined;

  /** Its code learns that it is canceled: all that it awaits is rejected, but not what a shield asked. */
  #cancel(d: Delivery): boolean {
    this.canceled = d.error ?? new FlotillaError("FLOTILLA_CANCELED", { by: "somebody" }).toJSON();
    this.attempt.tellCode(errorFromJson(this.canceled));
    this.root.cancel(this.canceled.message);
    for (const mine of this.#shields ?? []) mine.begin();
    this.#dropped = new Set();
    for (const [act, receiver] of this.#receivers.entries()) {
      if (!receiver || receiver.scope.isShielded) continue;
      this.#dropped.add(act);
      this.#hand({ ...d, act });
    }
    return true;
  }

  drained(): void {
    this.#turning = false;
    const { attempt, pump } = this;
    if (attempt.closed) return;
    // Canceled code has had its turn: it goes on only inside shields.
    const ending = this.#ending ?? (this.canceled && !this.#shields?.size ? { thrown: undefined } : undefined);
    const mismatch = ending ? this.#journal.atEnd(pump.delivered) : this.#journal.afterTurn(pump.delivered);
    if (mismatch) return this.#mismatch(mismatch);
    if (!this.#live && pump.delivered >= this.#journal.liveFrom) this.#goLive();
    if (ending) return this.#conclude(ending);
    // A macrotask later: a step that is quick has its result by then, and intent and result share a commit.
    if (this.#live && this.#steps?.start()) attempt.flushSoon();
    else attempt.flush();
    if (this.#live) this.#answers?.answer();
  }

  #goLive(): void {
    this.#live = true;
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const act of held) {
      // What has been delivered since needs no cancel, but a message that was left must find its way back.
      if (act.kind !== "cancel" || this.isOpen(act.act) || this.#left?.has(act.act)) this.attempt.act(act, true);
    }
  }

  /** Before acts leave: the next turn, or the news that the code is idle. */
  beforeFlush(): void {
    const { attempt, pump } = this;
    if (this.#turning || !attempt.holdsSlot || !this.#begun || this.#ending) return;
    if (pump.hasNext && this.#loaded()) return this.#turn();
    if (pump.received < this.#lastSeq && !pump.hasNext) return this.#askMore();
    if ((this.#steps?.pending ?? 0) > 0 || this.loads > 0) return;
    if (this.#open === 0) {
      return this.#foreign("the end of the workflow");
    }
    attempt.act({ kind: "wait", seen: pump.delivered }, true);
    attempt.yieldSlot();
  }

  #askMore(): void {
    if (this.#asksMore) return;
    this.#asksMore = true;
    this.attempt.host.send({ t: "more", fence: this.attempt.fence });
  }

  /** Its worker needs the memory. @returns false when its code is about to go on. */
  park(): boolean {
    const { attempt, pump } = this;
    const idle = !attempt.closed && !attempt.holdsSlot && !this.#turning && !this.#resuming && !pump.hasNext;
    if (!idle || this.loads > 0 || this.busy) return false;
    attempt.act({ kind: "wait", seen: pump.delivered, park: true });
    return true;
  }

  query(request: number, name: string): void {
    this.answers.ask(request, name);
    // In a macrotask of its own: this is a message's arrival, where no user code runs.
    this.attempt.host.nextTurn(() => {
      if (this.#live && this.#begun && !this.#turning && !this.attempt.closed) this.answers.answer();
    });
  }

  #loaded(): boolean {
    const next = this.pump.peek();
    return next !== undefined && this.#receivers[next.act]?.loading !== true;
  }

  deliver(deliveries: readonly Delivery[]): void {
    this.#asksMore = false;
    if (this.pump.offer(deliveries)) this.kick();
  }

  ack(act: number): void {
    this.#steps?.ack(act);
  }

  /** Something may be deliverable that was not. */
  kick(): void {
    const { attempt } = this;
    if (attempt.closed || this.#turning || this.#resuming || !this.#begun || !this.pump.hasNext) return;
    if (!attempt.holdsSlot) {
      this.#resuming = true;
      attempt.host.resume(attempt);
    } else if (this.#loaded()) this.#turn();
  }

  // ---------- the end

  #conclude(ending: Ending): void {
    this.pump.stopped = true;
    if (this.canceled) return this.#settle({ status: "canceled", error: this.canceled });
    if ("continued" in ending) {
      this.#settle({ status: "continued", input: ending.continued, seen: this.pump.delivered });
      return;
    }
    if ("thrown" in ending) return this.#fail(ending.thrown);
    try {
      const text = resultText(this.attempt.definition, ending.value);
      if (text instanceof Promise)
        text.then(
          (value) => this.#succeed(value),
          (e) => this.#fail(e),
        );
      else this.#succeed(text);
    } catch (e) {
      this.#fail(e);
    }
  }

  #succeed(value: string): void {
    const gaps = this.#gaps?.toJson();
    this.#settle(gaps === undefined ? { status: "succeeded", value } : { status: "succeeded", value, gaps });
  }

  #fail(thrown: unknown): void {
    this.pump.stopped = true;
    const result = classify(thrown, this.attempt.definition);
    if (result instanceof Promise) void result.then((r) => this.#settle(r));
    else this.#settle(result);
  }

  #settle(result: AttemptResult): void {
    this.attempt.settle(result);
  }

  #mismatch(m: Mismatch): void {
    const error = new FlotillaError("FLOTILLA_HISTORY_MISMATCH", { ...m }, { where: this.attempt.definition.name });
    this.pump.stopped = true;
    this.attempt.refuse({ status: "mismatch", error: boundedError(error) });
  }

  /** Something outside the code failed: the same code goes on in another attempt. */
  giveBack(error: unknown): void {
    this.pump.stopped = true;
    this.attempt.refuse({ status: "returned", error: boundedError(error) });
  }

  /** Something was asked when nothing of ours had let the code run. */
  #outside(key: string): void {
    // Whoever asks about a run must not end it.
    if (this.#answers?.telling) unsupported(`asking for ${key} in an answer of ctx.query`, "answer from the code's variables");
    // A step's function gets the error, as its own.
    if (insideStep()) unsupported(`asking for ${key} inside ctx.step`, "do it beside the step, in the workflow's own code");
    this.#foreign(key);
  }

  #foreign(key: string): void {
    const error = new FlotillaError("FLOTILLA_FOREIGN_AWAIT", { key }, { where: this.attempt.definition.name });
    this.pump.stopped = true;
    this.attempt.refuse({ status: "failed", error: boundedError(error), terminal: true });
  }

  /** Its code is suspended for good when the pump stops: only steps may go on, also those that nobody awaits. */
  get busy(): boolean {
    return (this.#steps?.running ?? 0) > 0;
  }

  abort(): void {
    this.pump.stopped = true;
  }

  stray(thrown: unknown): void {
    if (this.pump.open) this.#end({ thrown });
    else if (!this.#ending) this.#fail(thrown);
  }
}
