import { existsSync } from "node:fs";
import type { Context } from "../context.ts";
import { farFleet } from "../far-fleet.ts";
import { storePlace } from "../store-place.ts";
import type { StorePlace } from "../store-place.ts";
import { failed } from "./check.ts";
import type { Check } from "./check.ts";
import { checkDefinitions } from "./definitions.ts";
import { checkNode } from "./node.ts";
import { checkFar, checkOwner } from "./owner.ts";
import { checkContent, checkDisk, checkFile } from "./store.ts";

/** Every check, in the order in which one would look. A later one does not run on what an earlier one found broken. */
export async function examine(c: Context): Promise<readonly Check[]> {
  const about = [checkNode(process.versions.node), await checkDefinitions(c)];
  let place: StorePlace;
  try {
    if (farFleet(c)) return [...about, ...(await checkFar(c))];
    place = await storePlace(c);
  } catch (error) {
    return [...about, failed("store", error)];
  }
  return [...about, ...(await examineStore(c, place))];
}

async function examineStore(c: Context, place: StorePlace): Promise<Check[]> {
  const file = checkFile(place.path);
  const checks = [file, checkDisk(place.path)];
  if (file.status === "fail" || !existsSync(place.path)) return checks;
  const content = checkContent(place.path);
  checks.push(...content);
  return content.some((check) => check.status === "fail") ? checks : [...checks, ...(await checkOwner(c, place))];
}
