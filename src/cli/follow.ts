import type { OrchestratorApi, StartReply } from "../protocol/views.ts";
import type { Context } from "./context.ts";
import { exitCodes, type ExitCode } from "./exit-code.ts";
import { waitAndPrint } from "./wait.ts";

/** After a start: its id alone with `--detach`, else how it goes and what it gives. `note` stands after the id. */
export async function follow(
  api: OrchestratorApi,
  reply: StartReply,
  c: Context,
  o: { readonly detach?: true; readonly note?: string },
): Promise<ExitCode> {
  if (o.detach === true) {
    if (c.asJson) c.out.json(reply);
    else c.out.line(reply.id);
    return exitCodes.ok;
  }
  if (!c.globals.quiet) c.err.line(`${c.err.theme.glyphs.run} run ${reply.id}${o.note ?? ""}`);
  return await waitAndPrint(api, reply.id, c);
}
