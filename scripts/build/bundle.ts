// The code of dist in a handful of files: loading the package as 140 modules takes 60 ms, as one 18 ms, and every command,
// every child process and every cold start pays that.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseSync } from "oxc-parser";
import { rolldown } from "rolldown";

/** Files of src that something names from outside: the package's doors, its command, the main file of a child process. */
const entries = ["index", "client", "cli/bin", "worker/links/child-entry"];

export async function bundle(root: string, out: string): Promise<void> {
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(entries.map((entry) => [flat(entry), `src/${entry}.ts`])),
    platform: "node",
    // what is installed beside us stays beside us
    external: (id) => !id.startsWith(".") && !id.startsWith("/"),
    plugins: [{ name: "import-meta-url", transform: (code, id) => ownUrl(code, id, join(root, "src")) }],
  });
  try {
    await build.write({
      dir: out,
      format: "esm",
      sourcemap: true,
      chunkFileNames: "chunk-[hash].js",
      entryFileNames: "[name].js",
    });
  } finally {
    await build.close();
  }
  for (const entry of entries.filter((e) => e !== flat(e))) {
    const file = join(out, `${entry}.js`);
    mkdirSync(dirname(file), { recursive: true });
    const up = "../".repeat(entry.split("/").length - 1);
    const shebang = readFileSync(join(root, `src/${entry}.ts`), "utf8").startsWith("#!") ? "#!/usr/bin/env node\n" : "";
    writeFileSync(file, `${shebang}import "${up}${flat(entry)}.js";\n`);
  }
}

/** All chunks lie in one folder, so that a module's own place is the same path away from whichever it lands in. */
function flat(entry: string): string {
  return entry.replaceAll("/", "-");
}

/** `import.meta.url` of a module as it would be without bundling: files beside it (migrations) are found by it. */
function ownUrl(code: string, id: string, src: string): { code: string; map: null } | undefined {
  if (!code.includes("import.meta.url")) return undefined;
  const place = `./${relative(src, id).replaceAll("\\", "/").replace(/\.ts$/, ".js")}`;
  let changed = code;
  for (const span of parseSync(id, code).module.importMetas.toReversed()) {
    if (!code.startsWith(".url", span.end)) throw new Error(`${id}: only import.meta.url can be bundled`);
    changed = `${changed.slice(0, span.start)}new URL(${JSON.stringify(place)}, import.meta.url).href${changed.slice(span.end + ".url".length)}`;
  }
  // no line moves, so the map stays as good as it was
  return { code: changed, map: null };
}
