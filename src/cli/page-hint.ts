import type { Page } from "../protocol/views.ts";
import { hint } from "./context.ts";
import type { Context } from "./context.ts";
import { count, plural } from "./text/format.ts";

/** What a window leaves out, and how to see it. Says nothing when all is shown. */
export function pageHint<T>(c: Context, page: Page<T>, o: { noun: string; total: number | undefined; command: string }): void {
  if (page.next === null) return;
  const of = o.total === undefined ? "" : ` of ${count(o.total)}`;
  hint(
    c,
    `showing ${o.total === undefined ? plural(page.items.length, o.noun) : `${count(page.items.length)}${of} ${o.noun}s`}; more: ${o.command} --after ${page.next}`,
  );
}
