// What lockfiles say about each locked package. npm and Composer record licences; the others only name the packages.

import { asRecord, asString, parseJson } from "../json.ts";

export interface Locked {
  readonly name: string;
  readonly version: string;
  /** Null when the lockfile does not say. */
  readonly licence: string | null;
  readonly development: boolean;
  /** Where it is installed, relative to the lockfile's folder. */
  readonly installedAt: string;
}

function licenceText(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (Array.isArray(value))
    return (
      value
        .map(licenceText)
        .filter((each) => each !== null)
        .join(" OR ") || null
    );
  return asString(asRecord(value)["type"]);
}

function fromNpm(text: string): Locked[] {
  return Object.entries(asRecord(asRecord(parseJson(text))["packages"])).flatMap(([key, value]): Locked[] => {
    const entry = asRecord(value);
    const folder = key.lastIndexOf("node_modules/");
    // Without node_modules in its path it is a package of this very repository.
    if (folder < 0 || entry["link"] === true) return [];
    return [
      {
        name: asString(entry["name"]) ?? key.slice(folder + "node_modules/".length),
        version: asString(entry["version"]) ?? "",
        licence: licenceText(entry["license"]),
        development: entry["dev"] === true || entry["devOptional"] === true,
        installedAt: key,
      },
    ];
  });
}

function fromComposer(text: string): Locked[] {
  const lock = asRecord(parseJson(text));
  return (["packages", "packages-dev"] as const).flatMap((field) =>
    (Array.isArray(lock[field]) ? lock[field] : []).map((value): Locked => {
      const entry = asRecord(value);
      const name = asString(entry["name"]) ?? "";
      return {
        name,
        version: asString(entry["version"]) ?? "",
        licence: licenceText(entry["license"]),
        development: field === "packages-dev",
        installedAt: `vendor/${name}`,
      };
    }),
  );
}

/** Names of lockfiles that carry licences themselves. */
export const tellingLockfiles: ReadonlySet<string> = new Set(["package-lock.json", "npm-shrinkwrap.json", "composer.lock"]);

export function readLocked(name: string, text: string): Locked[] {
  return name === "composer.lock" ? fromComposer(text) : fromNpm(text);
}
