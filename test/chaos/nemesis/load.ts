// The definitions in the worker processes of the fleet on SQLite, and in the process that starts runs of them.
import { createLoad } from "./definitions.ts";
import { installTap } from "./tap.ts";

export { word } from "./definitions.ts";
export const { piece, flaky, late, batch, wave } = createLoad(installTap(process.env["NEMESIS_DIR"]));
export const definitions = [piece, flaky, late, batch, wave] as const;
