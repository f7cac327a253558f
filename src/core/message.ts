import type { Schema } from "./schema.ts";

/** A typed value sent to or from a run. (Temporal calls them signals; `signal` is the AbortSignal here.) */
export interface Message<N extends string, W, O> {
  readonly kind: "message";
  readonly name: N;
  readonly "~schema": Schema;
  readonly "~m"?: [(w: W) => void, O];
}
