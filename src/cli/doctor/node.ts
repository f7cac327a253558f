import { ok, fail, type Check } from "./check.ts";

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const fits = major > 22 || (major === 22 && minor >= 18);
  return fits
    ? ok("node", version)
    : fail("node", `${version} is older than 22.18`, "install a current Node: https://nodejs.org");
}
