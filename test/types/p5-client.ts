// in a browser or a Next route: types only
import { connect } from "flotilla";
import type config from "./p5-fleet.ts";
const fleet = connect<typeof config>("https://fleet.example", { token: "t" });
const run = await fleet.start("audit", { files: [{ path: "a", bytes: 1 }] });
(await run.result()).missing satisfies string[];
(await fleet.run("ocr", { url: "https://x" })).text satisfies string;
// @ts-expect-error unknown name
await fleet.start("audits", { files: [] });
// @ts-expect-error wrong input
await fleet.start("audit", { files: [{ path: 1 }] });
