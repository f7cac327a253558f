// A Dockerfile as its stages, read instruction by instruction: continuations, comments and here-documents included.

export interface Instruction {
  readonly name: string;
  readonly args: string;
  readonly line: number;
}

export interface Stage {
  readonly image: string;
  readonly alias: string | null;
  readonly line: number;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** ARG defaults before the first FROM. */
  readonly args: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

export function readInstructions(text: string): Instruction[] {
  const escape = /^#\s*escape\s*=\s*`/im.test(text.slice(0, 200)) ? "`" : "\\";
  const lines = text.split(/\r?\n/);
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const first = (lines[at] ?? "").trim();
    if (first === "" || first.startsWith("#")) continue;
    const line = at + 1;
    let whole = first;
    while (whole.endsWith(escape) && at + 1 < lines.length) {
      at += 1;
      const next = (lines[at] ?? "").trim();
      // Comments and blank lines may stand between continued lines.
      if (next.startsWith("#") || next === "") whole = `${whole.slice(0, -1).trimEnd()} ${escape}`;
      else whole = `${whole.slice(0, -1).trimEnd()} ${next}`;
    }
    for (const [, word = ""] of whole.matchAll(/<<-?["']?(\w+)["']?/g)) {
      while (at + 1 < lines.length && (lines[at + 1] ?? "").trim() !== word) at += 1;
      at += 1;
    }
    const match = /^([A-Za-z]+)\s+([\s\S]*)$/.exec(whole);
    if (match !== null) instructions.push({ name: (match[1] ?? "").toUpperCase(), args: (match[2] ?? "").trim(), line });
  }
  return instructions;
}

export function readDockerfile(text: string): Dockerfile {
  const args = new Map<string, string>();
  const stages: { image: string; alias: string | null; line: number; instructions: Instruction[] }[] = [];
  for (const instruction of readInstructions(text)) {
    const current = stages.at(-1);
    if (instruction.name === "FROM") {
      const words = instruction.args.split(/\s+/).filter((word) => !word.startsWith("--"));
      const alias = words[1]?.toLowerCase() === "as" ? (words[2] ?? null) : null;
      stages.push({ image: words[0] ?? "", alias, line: instruction.line, instructions: [] });
    } else if (current === undefined) {
      const [name = "", value = ""] = instruction.args.split("=");
      if (instruction.name === "ARG") args.set(name.trim(), value.trim().replaceAll(/^["']|["']$/g, ""));
    } else current.instructions.push(instruction);
  }
  return { args, stages };
}

/** The last stage and those that it is built from by name, last first. */
export function lineage(file: Dockerfile): readonly Stage[] {
  const chain: Stage[] = [];
  let stage = file.stages.at(-1);
  while (stage !== undefined && !chain.includes(stage)) {
    chain.push(stage);
    const image = stage.image;
    stage = file.stages.find((each) => each.alias !== null && each.alias.toLowerCase() === image.toLowerCase());
  }
  return chain;
}

export function resolveArgs(image: string, args: ReadonlyMap<string, string>): string {
  return image.replaceAll(
    /\$\{?(\w+)(?::-([^}]*))?\}?/g,
    (whole, name: string, fallback: string | undefined) => args.get(name) || fallback || whole,
  );
}
