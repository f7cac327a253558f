import { defineFleet } from "flotilla";
import { auditors, plan, takeStock, verify, writeUp } from "./agents.ts";
import { repoAudit } from "./workflow.ts";

export default defineFleet({
  definitions: [repoAudit, takeStock, plan, ...Object.values(auditors), verify, writeUp],
  store: "sqlite:.flotilla/repo-audit.db",
  // Processes of their own: parsing keeps a core busy, and a file that crashes a parser must not take the fleet with it.
  workers: { count: 12, isolation: "child-process" },
  modules: [new URL("./flotilla.config.ts", import.meta.url)],
});
