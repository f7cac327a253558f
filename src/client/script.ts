import type { Usage } from "../core/context.ts";
import type { AnyCallable, ErrorsOf, OutOf, WireOf } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import type { RetryableError, TerminalError } from "../core/error.ts";
import { notSupported } from "../core/not-supported.ts";

/** What a definition does in a test, in place of its code. */
export interface Script<C> {
  readonly "~s"?: C;
}
export type ScriptStep<O, E> =
  | { returns: O; after?: Duration; usage?: Usage }
  | { throws: E | RetryableError | TerminalError; after?: Duration }
  | { crash: true; after?: Duration }
  | { hangs: true };

/** Scripts a definition for a test. @throws FLOTILLA_NOT_SUPPORTED in this version. */
export function script<C extends AnyCallable>(
  _target: C,
  _steps: readonly ScriptStep<OutOf<C>, ErrorsOf<C>>[] | ((input: WireOf<C>, nth: number) => ScriptStep<OutOf<C>, ErrorsOf<C>>),
): Script<C> {
  throw notSupported("script()", "define a stand-in with the same name and schemas, and give it to createFleet");
}
