import { relative } from "node:path";

/** From where the person stands, unless that leads up and away. */
export function nearPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near === "" || near.startsWith("..") ? path : near;
}
