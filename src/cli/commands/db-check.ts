import { Command } from "commander";
import type { CheckReport } from "../../runtime/db/inspect.ts";
import type { MakeCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import { requireFile } from "../open-api.ts";
import { anyPlace } from "../store-place.ts";
import { count, plural } from "../text/format.ts";

export const dbCheck: MakeCommand = (bind) =>
  new Command("check")
    .description("look at every row and every artifact; exits 3 when something is wrong")
    .option("--fix", "mend what is safe to mend: rows and files that belong to nothing; no fleet may have it open", false)
    .action(
      bind<{ fix: boolean }>(async (c, { fix }) => {
        const report = await check(c, fix);
        if (c.asJson) c.out.json(report);
        else show(c, report, fix);
        return report.findings.some((f) => !f.mended) ? exitCodes.gate : exitCodes.ok;
      }),
    );

async function check(c: Context, fix: boolean): Promise<CheckReport> {
  const place = await anyPlace(c);
  if ("settings" in place) {
    const { checkPostgres } = await import("../../runtime/db/postgres.ts");
    return await checkPostgres(place.settings, { fix });
  }
  requireFile(c, place);
  const { checkStore } = await import("../../runtime/db/inspect.ts");
  return await checkStore(place.path, { fix, now: c.io.clock.now() });
}

function show(c: Context, { findings, looked }: CheckReport, fix: boolean): void {
  const { paint, glyphs } = c.out.theme;
  for (const { what, count: n, examples, mended } of findings) {
    c.out.line(
      `${mended ? paint("green", glyphs.ok) : paint("red", glyphs.fail)} ${count(n)} ${what}${mended ? ": mended" : ""}`,
    );
    for (const example of examples) c.out.line(`    ${example}`);
    if (n > examples.length) c.out.line(`    and ${count(n - examples.length)} more`);
  }
  const all = `${plural(looked.tasks, "task")} and ${plural(looked.artifacts, "artifact")} looked at`;
  if (findings.length === 0) c.out.line(`${paint("green", glyphs.ok)} ${all}, all as it must be`);
  else c.out.line(`${all}, ${plural(findings.length, "finding")}`);
  if (!fix && findings.some((f) => f.mendable)) c.out.line("stop the fleet and mend what is safe: flotilla db check --fix");
  if (findings.some((f) => !f.mendable)) c.out.line("what --fix does not mend needs a backup: flotilla db restore FOLDER STORE");
}
