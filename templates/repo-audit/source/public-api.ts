// What a published package offers: the names that its entry modules export, followed to the files that define them.

import { isPublished, entryFiles, readPackages } from "../packages.ts";
import type { Repository } from "../repository.ts";
import { createResolver } from "./graph.ts";
import { moduleFactsOrNull } from "./module.ts";

/** Defining file -> names in that file that users can reach. */
export type PublicApi = ReadonlyMap<string, ReadonlySet<string>>;

export function publicApi(repo: Repository): Promise<PublicApi> {
  return repo.once("public-api", async () => {
    const api = new Map<string, Set<string>>();
    const resolver = await createResolver(repo);
    const paths = await repo.paths();
    const seen = new Set<string>();
    const target = (from: string, specifier: string): string | null => {
      const resolution = resolver.resolve(from, specifier);
      return resolution.kind === "file" ? (resolution.paths[0] ?? null) : null;
    };
    /** Null stands for all names. */
    const follow = async (path: string, name: string | null): Promise<void> => {
      const visit = `${path}\0${name ?? ""}`;
      if (seen.has(visit) || seen.has(`${path}\0`)) return;
      seen.add(visit);
      const facts = await moduleFactsOrNull(repo, path);
      if (facts === null) return;
      const wanted = facts.exports.filter((each) => name === null || each.name === name);
      for (const each of wanted) {
        const origin = each.from === undefined ? null : target(path, each.from.specifier);
        if (each.from === undefined) api.set(path, (api.get(path) ?? new Set()).add(each.name));
        else if (origin !== null) await follow(origin, each.from.name === "*" ? null : each.from.name);
      }
      if (name !== null && wanted.length > 0) return;
      for (const specifier of facts.exportAll) {
        const origin = target(path, specifier);
        if (origin !== null) await follow(origin, name);
      }
    };
    for (const pack of (await readPackages(repo)).filter(isPublished)) {
      for (const entry of entryFiles(pack, paths)) await follow(entry, null);
    }
    return api;
  });
}
