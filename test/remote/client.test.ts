import { connect, createFleet, type FleetDefinition } from "flotilla";
import { openFleet } from "../../src/runtime/create-fleet.ts";
import type { Definitions } from "./definitions.ts";
import { exerciseClient } from "./exercise-client.ts";
import { serveHttp } from "./serve.ts";

exerciseClient("in the fleet's process", async ({ definitions }) => {
  const fleet = await createFleet({ definitions });
  return { client: fleet, [Symbol.asyncDispose]: () => fleet.close() };
});

exerciseClient("over HTTP", async ({ definitions }) => {
  const { fleet, orchestrator } = await openFleet({ definitions });
  const served = await serveHttp(orchestrator);
  const client = connect<FleetDefinition<Definitions>>(served.url);
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await served[Symbol.asyncDispose]();
      await fleet.close();
    },
  };
});
