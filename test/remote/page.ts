// A page of a team's own: it starts a run, shows its events as they come, and then its result. Types alone of the fleet.
import { connect, isFlotillaError, type FleetDefinition } from "flotilla/client";
import type { Definitions } from "./definitions.ts";

const show = (id: string, text: string): void => {
  const line = document.createElement("li");
  line.textContent = text;
  document.getElementById(id)?.append(line);
};

const fleet = connect<FleetDefinition<Definitions>>(location.origin);

async function main(): Promise<void> {
  const refused = await fleet.start("talk", { topic: 5 as never }).catch((e: unknown) => e);
  if (isFlotillaError(refused)) show("refused", `${refused.code}: ${refused.why}`);
  const run = await fleet.start("talk", { topic: "tea" });
  show("run", run.id);
  for await (const e of run.events({ types: ["run.started", "approval.asked", "run.finished"] })) show("events", e.type);
  show("result", JSON.stringify(await run.result()));
}

main().catch((error: unknown) => show("failed", String(error)));
