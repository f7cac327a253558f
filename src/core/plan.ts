import type { CallOptions } from "./context.ts";
import type { Callable } from "./definition.ts";

export interface NodeRef<T> {
  readonly $node: string;
  readonly "~n"?: T;
}
export type Late<T> =
  | T
  | NodeRef<T>
  | (T extends readonly (infer U)[] ? readonly Late<U>[] : T extends object ? { [K in keyof T]: Late<T[K]> } : never);
export interface Plan<R> {
  readonly kind: "plan";
  readonly nodes: readonly object[];
  readonly "~r"?: R;
}
export interface PlanBuilder {
  call<W, O, X>(
    target: Callable<string, W, O, X>,
    input: Late<NoInfer<W>>,
    o?: CallOptions & { after?: readonly NodeRef<unknown>[] },
  ): NodeRef<O>;
  map<W, O, X>(target: Callable<string, W, O, X>, items: NodeRef<NoInfer<W>[]> | readonly Late<NoInfer<W>>[]): NodeRef<O[]>;
}
