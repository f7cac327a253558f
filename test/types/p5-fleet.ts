/* oxlint-disable import/no-default-export -- the CLI imports the default export of a config */
// flotilla.config.ts — pure, the CLI imports it; `flotilla up | worker | orchestrator | run audit` all start here
import { defineFleet, contract } from "flotilla";
import { review, audit } from "./p2-fanout.ts";
import * as z from "zod";
export const ocr = contract({
  name: "ocr",
  needs: ["gpu"],
  input: z.object({ url: z.url() }),
  output: z.object({ text: z.string() }),
}); // implemented in Python
export default defineFleet({
  definitions: [review, audit, ocr],
  store: "postgres://db/flotilla",
  pools: { light: { definitions: ["review"], max: 40, slots: 8 }, gpu: { offers: ["gpu"], max: 4 } },
  budget: { usd: 100 },
  environments: { dev: { store: "sqlite:.flotilla/dev.db" }, staging: { budget: { usd: 5 } } },
});
