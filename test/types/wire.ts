// The runtime schemas of the wire and the types that everything else is written with say the same, field by field: a
// field that one of them lacks would be dropped on the way between machines, and nowhere else.
import type * as z from "zod";
import type { fromWorker, inventory, toWorker } from "../../src/protocol/wire/messages.ts";
import type { ErrorJson } from "../../src/core/error.ts";
import type { Act, AttemptResult, FromWorker, Inventory, ToWorker } from "../../src/protocol/worker.ts";

/** Without what only one side marks: readonly. */
type Plain<T> = T extends ErrorJson
  ? ErrorJson
  : T extends readonly (infer U)[]
    ? readonly Plain<U>[]
    : T extends object
      ? { readonly [K in keyof T]: Plain<T[K]> }
      : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** One of a union, by the word that tells them apart. */
type SameEach<A, B, K extends PropertyKey, W extends PropertyKey> = {
  [N in W]: Same<Plain<Extract<A, { [P in K]: N }>>, Plain<Extract<B, { [P in K]: N }>>>;
};
type Truths<T> = { [K in keyof T]: true };

type FromWire = z.output<typeof fromWorker>;
type ToWire = z.output<typeof toWorker>;
type ActOnWire = Extract<FromWire, { t: "acts" }>["acts"][number];
type ResultOnWire = Extract<FromWire, { t: "settle" }>["result"];

type FromEach = SameEach<FromWire, FromWorker, "t", FromWorker["t"]>;
type ToEach = SameEach<ToWire, ToWorker, "t", ToWorker["t"]>;
type ActEach = SameEach<ActOnWire, Act, "kind", Act["kind"]>;
type ResultEach = SameEach<ResultOnWire, AttemptResult, "status", AttemptResult["status"]>;

export type Checks = [
  Holds<FromEach>,
  Holds<ToEach>,
  Holds<ActEach>,
  Holds<ResultEach>,
  // And no kind that the types lack.
  Holds<{
    from: Same<FromWire["t"], FromWorker["t"]>;
    to: Same<ToWire["t"], ToWorker["t"]>;
    act: Same<ActOnWire["kind"], Act["kind"]>;
    result: Same<ResultOnWire["status"], AttemptResult["status"]>;
  }>,
  Holds<{ inventory: Same<Plain<z.output<typeof inventory>>, Plain<Inventory>> }>,
];
type Holds<T extends Truths<T>> = T;

// A field too many, and one too few, are both seen.
// @ts-expect-error the wire lacks `holds`
export type Short = Holds<SameEach<{ t: "pong"; n: number }, FromWorker, "t", "pong">>;
// @ts-expect-error the type lacks `late`
export type Long = Holds<SameEach<{ t: "pong"; n: number; holds: number; late?: true }, FromWorker, "t", "pong">>;
