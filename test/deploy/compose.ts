// docker-compose.yml as Compose reads it: variables filled in, anchors merged.
import { readFileSync } from "node:fs";
import { parse } from "yaml";

export const folder = new URL("../../deploy/", import.meta.url);
export const read = (name: string): string => readFileSync(new URL(name, folder), "utf8");

export interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] };
  readonly deploy?: { readonly replicas: number };
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}
export interface Composition {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, unknown>>;
}

const variable = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** Every variable that the file asks for: with what it is without one, undefined when it must be given. */
export function variables(): Map<string, string | undefined> {
  return new Map(
    [...read("docker-compose.yml").matchAll(variable)].map(([, name = "", how, rest]) => [name, how === "-" ? rest : undefined]),
  );
}

export function readComposition(env: Readonly<Record<string, string>>): Composition {
  const text = read("docker-compose.yml").replaceAll(
    variable,
    (_, name: string, how: string | undefined, rest: string | undefined) => {
      const value = env[name];
      if (value !== undefined && value !== "") return value;
      if (how === "?") throw new Error(`${name}: ${rest}`);
      return how === "-" ? (rest ?? "") : "";
    },
  );
  return parse(text, { merge: true }) as Composition;
}
