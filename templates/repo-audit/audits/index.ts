import type { Dimension } from "../finding.ts";
import type { Audit } from "./audit.ts";
import { ci } from "./ci.ts";
import { debt } from "./debt.ts";
import { dependencies } from "./dependencies.ts";
import { docs } from "./docs.ts";
import { files } from "./files.ts";
import { hotspots } from "./hotspots.ts";
import { licences } from "./licences.ts";
import { links } from "./links.ts";
import { secrets } from "./secrets.ts";
import { tests } from "./tests.ts";

/** All audits, in the order of `dimensions`. */
export const audits: readonly Audit[] = [licences, secrets, links, hotspots, tests, docs, dependencies, ci, debt, files];

export function auditOf(dimension: Dimension): Audit {
  const found = audits.find((audit) => audit.dimension === dimension);
  if (found === undefined) throw new Error(`No audit for the dimension ${dimension}`);
  return found;
}

export { type Audit, needsVerdict } from "./audit.ts";
