// Fails when an import points the wrong way: `node scripts/check-rooms.ts [folder]`. The table is in rooms/table.ts.
import { isBuiltin } from "node:module";
import { cycles, loadedBy, readImports, type Import } from "./rooms/graph.ts";
import { browserDoors, notFromTheDoor, rooms, type Rule } from "./rooms/table.ts";
import { root } from "./root.ts";

export interface Problem {
  readonly where: string;
  readonly what: string;
  readonly fix: string;
}

/** The room of `src/a/b/c.ts`: the deepest folder that the table names. */
export function roomOf(file: string): string | undefined {
  const parts = file.split("/").slice(1, -1);
  if (parts.length === 0) return "door";
  for (let n = parts.length; n > 0; n--) {
    const name = parts.slice(0, n).join("/");
    if (name in rooms) return name;
  }
  return undefined;
}

export function checkRooms(base: string): { files: number; problems: Problem[] } {
  const { files, imports } = readImports(base);
  const problems: Problem[] = [];
  const strangers = new Set(files.filter((f) => roomOf(f) === undefined).map((f) => f.split("/").slice(0, 2).join("/")));
  for (const folder of strangers) {
    problems.push({
      where: folder,
      what: "is not in the table of rooms",
      fix: "add it to scripts/rooms/table.ts with the rooms that it may import",
    });
  }
  for (const i of imports) {
    const problem = checkArrow(i);
    if (problem) problems.push({ where: `${i.from}:${i.line}`, ...problem });
  }
  for (const ring of cycles(files, imports)) {
    problems.push({
      where: ring[0] as string,
      what: `import cycle of ${ring.length} file${ring.length === 1 ? "" : "s"}: ${ring.join(", ")}`,
      fix: "move what both need into a file of its own, or import types with `import type`",
    });
  }
  problems.push(...checkLoads(files, imports));
  return { files: files.length, problems };
}

function checkArrow(i: Import): Omit<Problem, "where"> | undefined {
  const from = roomOf(i.from);
  const rule: Rule | undefined = from === undefined ? undefined : rooms[from];
  if (!rule) return undefined;
  if (i.to === null) return checkOutside(i, from as string, rule);
  const to = roomOf(i.to);
  if (!i.to.startsWith("src/")) return { what: `imports ${i.to}, which lies outside src`, fix: "move what it needs into src" };
  if (to === undefined || to === from || rule.may.includes(to)) return undefined;
  return {
    what: `${from} imports ${to} (${i.specifier})`,
    fix: `${from} may import ${rule.may.join(", ") || "no other room"}; move the shared part inward`,
  };
}

function checkOutside(i: Import, from: string, rule: Rule): Omit<Problem, "where"> | undefined {
  if (i.specifier.startsWith("."))
    return { what: `imports ${i.specifier}, which does not exist`, fix: "name the file with its .ts ending" };
  if (i.specifier === "flotilla" || i.specifier.startsWith("flotilla/")) {
    return { what: "imports its own package by name", fix: "import the file by a relative path" };
  }
  if (rule.outside === "any" || rule.outside.includes(i.specifier)) return undefined;
  return {
    what: `${from} imports ${i.specifier}`,
    fix: `from outside, ${from} may import ${rule.outside.join(", ") || "nothing"}`,
  };
}

function checkLoads(files: readonly string[], imports: readonly Import[]): Problem[] {
  const problems: Problem[] = [];
  if (files.includes(notFromTheDoor.entry)) {
    const loaded = loadedBy(notFromTheDoor.entry, imports);
    for (const module of notFromTheDoor.modules) {
      const way = loaded.get(module);
      if (way)
        problems.push({
          where: way.join(" -> "),
          what: `importing the package loads ${module}`,
          fix: "load it with `await import()` where it is needed",
        });
    }
  }
  const told = new Set<string>();
  for (const file of files) {
    const room = roomOf(file);
    if (!browserDoors.includes(file) && (room === undefined || !rooms[room]?.browserSafe)) continue;
    for (const [module, way] of loadedBy(file, imports)) {
      // told once, where the module enters, not once for each file that leads there
      const edge = way.slice(-2).join(" -> ");
      if (!isBuiltin(module) || told.has(edge)) continue;
      told.add(edge);
      problems.push({
        where: way.join(" -> "),
        what: `${room} loads ${module}, which no browser has`,
        fix: "pass it in through deps",
      });
    }
  }
  return problems;
}

if (import.meta.main) {
  const { files, problems } = checkRooms(process.argv[2] ?? root);
  for (const p of problems) console.error(`${p.where}\n  ${p.what}\n  fix: ${p.fix}`);
  console.log(
    problems.length === 0
      ? `rooms: ${files} files, every import points inward`
      : `rooms: ${problems.length} of ${files} files' imports to mend`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
