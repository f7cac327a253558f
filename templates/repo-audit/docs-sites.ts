// Finds documentation sites, because inside them a link may be a route of the site and not a path of the repository.

import { parse as parseYaml } from "yaml";
import type { Inventory } from "./finding.ts";
import { baseOf, joinPath, normalise, parentOf } from "./path-index.ts";
import type { Repository } from "./repository.ts";
import { stringLiterals } from "./source/literals.ts";

type Site = Inventory["docsSites"][number];

/** A config file whose name alone tells the framework. */
const byName: readonly (readonly [RegExp, string])[] = [
  [/^docusaurus\.config\.[cm]?[jt]s$/, "docusaurus"],
  [/^book\.toml$/, "mdbook"],
  [/^antora\.ya?ml$/, "antora"],
  [/^\.gitbook\.ya?ml$/, "gitbook"],
  [/^mint\.json$/, "mintlify"],
  [/^hugo\.(toml|ya?ml|json)$/, "hugo"],
  [/^source\.config\.[cm]?[jt]s$/, "fumadocs"],
  [/^gatsby-config\.[cm]?[jt]s$/, "gatsby"],
  [/^(\.eleventy\.c?js|eleventy\.config\.[cm]?[jt]s)$/, "eleventy"],
  [/^_quarto\.ya?ml$/, "quarto"],
  [/^\.pages$/, "mkdocs"],
  [/^content\.config\.[cm]?[jt]s$/, "astro"],
  [/^keystatic\.config\.[cm]?[jt]sx?$/, "keystatic"],
  [/^rspress\.config\.[cm]?[jt]s$/, "rspress"],
  [/^theme\.config\.[cm]?[jt]sx?$/, "nextra"],
  [/^sidebars\.[cm]?[jt]s$/, "docusaurus"],
];

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function parsed(read: () => unknown): Readonly<Record<string, unknown>> {
  try {
    return record(read());
  } catch {
    return {};
  }
}

async function sitesOf(repo: Repository, path: string, hasContentPages: (folder: string) => boolean): Promise<readonly Site[]> {
  const base = baseOf(path);
  const folder = parentOf(path);
  const named = byName.find(([name]) => name.test(base));
  if (named !== undefined) {
    const framework = named[1];
    // A site often takes its pages from a sibling folder: `path: "../docs"`.
    const text = framework === "docusaurus" || framework === "rspress" ? await repo.textOrNull(path) : null;
    const elsewhere = text === null ? [] : stringLiterals(path, text).filter((literal) => literal.startsWith("../"));
    const roots = [
      folder,
      ...elsewhere.map((literal) => normalise(joinPath(folder, literal))).filter((root) => root !== null && root !== ""),
    ];
    return roots.map((root) => ({ root: root ?? "", framework }));
  }
  if (/^config\.[cm]?[jt]s$/.test(base) && /(^|\/)\.(vitepress|vuepress)$/.test(folder)) {
    return [{ root: parentOf(folder), framework: folder.endsWith("vuepress") ? "vuepress" : "vitepress" }];
  }
  if (/^mkdocs[a-z0-9._-]*\.ya?ml$/.test(base)) {
    const text = (await repo.textOrNull(path)) ?? "";
    const configured = parsed(() => parseYaml(text, { logLevel: "silent", customTags: () => [] }))["docs_dir"];
    const root = normalise(joinPath(folder, typeof configured === "string" ? configured : "docs"));
    return root === null ? [] : [{ root, framework: "mkdocs" }];
  }
  if (base === "docs.json") {
    const text = (await repo.textOrNull(path)) ?? "";
    const value = parsed(() => JSON.parse(text));
    const isMintlify = "navigation" in value || String(value["$schema"] ?? "").includes("mintlify");
    return isMintlify ? [{ root: folder, framework: "mintlify" }] : [];
  }
  if (/^astro\.config\.[cm]?[jt]s$/.test(base)) {
    const text = (await repo.textOrNull(path)) ?? "";
    return [
      {
        root: folder,
        framework: stringLiterals(path, text).some((literal) => literal.includes("starlight")) ? "starlight" : "astro",
      },
    ];
  }
  if (/^next\.config\.[cm]?[jt]s$/.test(base) && hasContentPages(folder)) {
    const manifest = (await repo.textOrNull(joinPath(folder, "package.json"))) ?? "";
    return [{ root: folder, framework: manifest.includes('"nextra"') ? "nextra" : "nextjs" }];
  }
  if (base === "nuxt.config.ts" && hasContentPages(folder)) return [{ root: folder, framework: "nuxt-content" }];
  if (base === "_config.yml") return [{ root: folder, framework: "jekyll" }];
  if (base === "conf.py" && ((await repo.textOrNull(path)) ?? "").includes("extensions"))
    return [{ root: folder, framework: "sphinx" }];
  if (base === "config.toml" && ((await repo.textOrNull(path)) ?? "").match(/^\s*base_?url\s*=/im))
    return [{ root: folder, framework: "hugo" }];
  if (base === "SUMMARY.md") return [{ root: folder, framework: "gitbook" }];
  if (base === "index.html" && ((await repo.textOrNull(path)) ?? "").includes("docsify"))
    return [{ root: folder, framework: "docsify" }];
  return [];
}

/** Folders of an application in which frameworks look for pages written in Markdown. */
const pageFolder = /^(.*?)(?:^|\/)(?:src\/)?(?:content|pages|posts|app)\/.*\.mdx?$/;

export async function findDocsSites(repo: Repository, paths: readonly string[]): Promise<readonly Site[]> {
  const withPages = new Set(paths.flatMap((path) => pageFolder.exec(path)?.[1] ?? []));
  const sites: Site[] = [];
  for (const path of paths) sites.push(...(await sitesOf(repo, path, (folder) => withPages.has(folder))));
  const seen = new Set<string>();
  return sites
    .filter((site) => !seen.has(site.root) && seen.add(site.root))
    .sort((a, b) => (a.root < b.root ? -1 : a.root > b.root ? 1 : 0));
}
