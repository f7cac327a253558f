// What two builds of a fleet have in common: only the workflow `order` differs between them.
import * as z from "zod";
import { agent, message } from "../../../src/index.ts";

export const go = message("go", z.object({}));
export const build = (): string => process.env["FLOTILLA_BUILD"] ?? "";

export const whereabouts = agent({
  name: "whereabouts",
  description: "says which build ran it",
  input: z.object({}),
  output: z.string(),
  run: () => build(),
});

export const ended = z.object({ code: z.number(), began: z.string(), ended: z.string(), asked: z.array(z.string()) });
