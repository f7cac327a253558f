// What a link in a Markdown file points to: a path, a route of a docs site, or something outside.

import type { Inventory } from "./finding.ts";
import { baseOf, isUnder, joinPath, normalise, parentOf, type PathIndex } from "./path-index.ts";

export type LinkTarget =
  /** Not ours to check: another host, an anchor, a template's placeholder, a page of the forge. */
  | { readonly kind: "elsewhere" }
  /** A page that a docs site makes: only its build knows. */
  | { readonly kind: "route" }
  | { readonly kind: "found"; readonly path: string }
  | { readonly kind: "missing"; readonly path: string };

export interface LinkSetting {
  readonly paths: PathIndex;
  readonly docsSites: Inventory["docsSites"];
}

const fileEnding =
  /\.(mdx?|markdown|rst|txt|png|jpe?g|gif|svg|webp|avif|pdf|mp4|webm|json|ya?ml|toml|[cm]?[jt]sx?|py|go|rs|java|kt|rb|sh|sql|proto|css|csv|ipynb|vue|svelte|lock|cfg|ini|conf|env)$/i;
const pageEndings = [
  ".md",
  ".mdx",
  ".markdown",
  "/index.md",
  "/index.mdx",
  "/README.md",
  "/readme.md",
  "/_index.md",
  ".rst",
  ".html",
];
const assetFolders = [
  "",
  "static",
  "public",
  "assets",
  "docs/public",
  "src",
  "src/content/docs",
  "src/assets",
  "src/pages",
  "content",
  "pages",
  "app",
  "docs",
  ".vuepress/public",
  "source",
];

export function siteOf(path: string, sites: Inventory["docsSites"]): Inventory["docsSites"][number] | null {
  const around = sites.filter((site) => isUnder(path, site.root));
  return around.sort((a, b) => b.root.length - a.root.length)[0] ?? null;
}

/** The path part of a URL, decoded; null when the URL is not a path at all. */
export function pathPart(url: string): string | null {
  if (url === "" || /^([a-z][a-z0-9+.-]*:|\/\/|#|\?|@|~)/i.test(url)) return null;
  // Placeholders of template languages, and prose in brackets that merely looks like a link.
  if (/[{}<>$*|\\^`"]|%7B|\.\.\.\.?$|…|\s/i.test(url)) return null;
  const bare = url.replace(/[?#].*$/, "").replace(/(\.\w+):\d+(:\d+)?$/, "$1");
  if (/^[.]*$/.test(bare)) return null;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}

function existing(path: string, paths: PathIndex): boolean {
  return paths.hasFile(path) || paths.hasFolder(path) || paths.isOpaque(path);
}

/** The page that a route-like path stands for: without its ending, as a folder's index, with an ordering prefix. */
function asPage(path: string, paths: PathIndex): string | null {
  const bare = path.replace(/\.(html?|mdx?)$/, "");
  for (const ending of pageEndings) if (paths.hasFile(bare + ending)) return bare + ending;
  const name = baseOf(bare).toLowerCase();
  const ordered = paths.children(parentOf(bare)).find((child) => {
    const plain = baseOf(child)
      .toLowerCase()
      .replace(/^\d+[-_.]\s*/, "")
      .replace(/\.(mdx?|rst)$/, "");
    return plain === name.replace(/^\d+[-_.]\s*/, "");
  });
  return ordered ?? null;
}

/** Folders whose pages a site would mount where the link points. */
function mounted(path: string, siteRoot: string, paths: PathIndex): string | null {
  for (const folder of assetFolders) {
    const candidate = normalise(joinPath(joinPath(siteRoot, folder), path));
    if (candidate === null) continue;
    if (existing(candidate, paths)) return candidate;
    const page = asPage(candidate, paths);
    if (page !== null) return page;
  }
  return null;
}

/** Files that forges themselves show to readers. */
const forgeShows = /^(readme|contributing|security|support|code_of_conduct)\.(md|markdown)$/i;

/** Forges serve pages of their own above the tree: `../../issues`. */
const forgePage =
  /^(\.\.\/)+(issues|pulls?|wiki|releases?|tags|actions|discussions|blob|tree|commits?|compare|milestones?|projects|security|stargazers|network|graphs|settings|labels|new|edit|raw|archive)(\/|$)/;

export function targetOf(from: string, url: string, isPage: boolean, { paths, docsSites }: LinkSetting): LinkTarget {
  const part = pathPart(url);
  if (part === null || forgePage.test(part)) return { kind: "elsewhere" };
  const site = siteOf(from, docsSites);
  const looksLikeFile = fileEnding.test(part);

  if (part.startsWith("/")) {
    const path = normalise(part) ?? "";
    if (existing(path, paths)) return { kind: "found", path };
    // A forge takes such a link in a README for a path from the root; elsewhere it is a route of some site.
    if (site !== null || isPage || (!looksLikeFile && !forgeShows.test(baseOf(from)))) return { kind: "route" };
    // A file outside the site may be one of its pages by inclusion.
    const served = docsSites.map((other) => mounted(path, other.root, paths)).find((found) => found !== null);
    return served === undefined ? { kind: "missing", path } : { kind: "found", path: served };
  }
  const path = normalise(joinPath(parentOf(from), part));
  // Above the root only the forge has pages.
  if (path === null) return { kind: "elsewhere" };
  if (existing(path, paths)) return { kind: "found", path };
  const page = asPage(path, paths);
  if (page !== null && (!looksLikeFile || site !== null || isPage)) return { kind: "found", path: page };
  if (site !== null || isPage) {
    // A page may be served from another depth than its file: only a link with a file's ending is a path for sure.
    if (!looksLikeFile) return { kind: "route" };
    const served = mounted(part.replace(/^(\.{1,2}\/)+/, ""), site?.root ?? "", paths);
    if (served !== null) return { kind: "found", path: served };
  }
  return { kind: "missing", path };
}
