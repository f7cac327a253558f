// A mistake: a file of definitions that opens a fleet.
import { agent, createFleet } from "../../../src/index.ts";
import * as z from "zod";

export const idle = agent({ name: "idle", input: z.object({}), run: () => null });
await createFleet({ definitions: [idle] });
