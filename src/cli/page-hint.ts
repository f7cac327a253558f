import type { Page } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { count, plural } from "./text/format.ts";

/** What a window leaves out, and how to see it. Says nothing when all is shown, or when the page itself says where it goes on. */
export function pageHint<T>(c: Context, page: Page<T>, o: { noun: string; total: number | undefined; command: string }): void {
  if (page.next === null || c.globals.output === "json" || c.globals.quiet) return;
  const of = o.total === undefined ? "" : ` of ${count(o.total)}`;
  const text = `showing ${o.total === undefined ? plural(page.items.length, o.noun) : `${count(page.items.length)}${of} ${o.noun}s`}; more: ${o.command} --after ${page.next}`;
  c.err.line(c.err.theme.paint("dim", text));
}
