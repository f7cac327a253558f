// Who may import whom. The rooms are the folders of src; `door` is every .ts file that lies directly in src.
// Arrows point inward: core knows nobody, the command line knows nearly all, and nobody knows the command line.

export interface Rule {
  /** Rooms whose files may be imported, by value or by type. */
  readonly may: readonly string[];
  /** Modules from outside src; "any" where the room is free to choose. */
  readonly outside: "any" | readonly string[];
  /** Everything that its files load, however far away, must run in a browser too: no `node:` module. */
  readonly browserSafe?: true;
}

const schema = "@standard-schema/spec";

export const rooms: Readonly<Record<string, Rule>> = {
  core: { may: [], outside: [schema, "node:crypto"] },
  protocol: { may: ["core"], outside: [schema, "zod"] },
  store: { may: ["core", "protocol"], outside: [] },
  "store/artifacts": { may: ["core", "store"], outside: "any" },
  "store/sqlite": { may: ["core", "protocol", "store"], outside: "any" },
  "store/postgres": { may: ["core", "protocol", "store"], outside: "any" },
  orchestrator: { may: ["core", "protocol", "store"], outside: "any" },
  scaling: { may: ["core", "protocol", "store"], outside: "any" },
  worker: { may: ["core", "protocol"], outside: "any" },
  client: { may: ["core", "protocol"], outside: [schema], browserSafe: true },
  patterns: { may: ["core", "client"], outside: [schema] },
  integrations: { may: ["core", "client"], outside: "any" },
  server: { may: ["core", "protocol"], outside: "any" },
  testing: {
    may: ["core", "protocol", "store", "store/artifacts", "store/sqlite", "orchestrator", "worker", "client", "runtime"],
    outside: "any",
  },
  runtime: {
    may: [
      "core",
      "protocol",
      "store",
      "store/artifacts",
      "store/sqlite",
      "store/postgres",
      "orchestrator",
      "scaling",
      "worker",
      "client",
      "server",
    ],
    outside: "any",
  },
  door: { may: ["core", "protocol", "client", "runtime", "testing", "patterns"], outside: [] },
  cli: { may: ["core", "protocol", "client", "server", "runtime"], outside: "any" },
};

/** Everything that it loads must run in a browser too, as in the rooms that say so of themselves. */
export const browserDoors: readonly string[] = ["src/client.ts"];

/** Loading the package must not load these: zod alone takes 75 ms, and an embedded fleet never needs it. */
export const notFromTheDoor = { entry: "src/index.ts", modules: ["zod", "hono", "commander", "croner", "ws"] } as const;
