import { Command } from "commander";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import type { Check } from "../doctor/check.ts";
import { exitCodes } from "../exit-code.ts";
import { renderFields } from "../text/fields.ts";
import { padEnd } from "../text/width.ts";
import type { Theme } from "../text/theme.ts";

export const doctor: MakeCommand = (bind) =>
  new Command("doctor").description("check this machine, the store and the fleet; exits 1 when something is broken").action(
    bind(async (c) => {
      const { examine } = await import("../doctor/examine.ts");
      const checks = await examine(c);
      if (c.asJson) c.out.json(checks);
      else c.out.lines(checks.flatMap((check) => checkLines(check, c)));
      return checks.some((check) => check.status === "fail") ? exitCodes.failed : exitCodes.ok;
    }),
  );

function checkLines(check: Check, c: Context): string[] {
  const { theme, columns } = c.out;
  const fixes = check.fix.map((text) => ["fix", text] as const);
  return [
    `${markOf(check, theme)} ${padEnd(check.check, 12)} ${check.detail}`,
    ...renderFields(fixes, { theme, columns, indent: 15 }),
  ];
}

function markOf({ status }: Check, { paint, glyphs }: Theme): string {
  if (status === "ok") return paint("green", glyphs.ok);
  return status === "warn" ? paint("yellow", glyphs.warn) : paint("red", glyphs.fail);
}
