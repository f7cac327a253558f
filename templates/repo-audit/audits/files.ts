// Files that do not belong into a repository: large ones, build products, installed packages, leftovers.

import type { FileEntry, Finding, Severity, Verdict } from "../finding.ts";
import { baseOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { type Audit, bySetting, confirmed, type Draft, likely, rejected, settle } from "./audit.ts";
import { counted } from "./scopes.ts";

const dimension = "files";
const mebibyte = 1024 * 1024;
const largeMin = 5 * mebibyte;
const largishMin = mebibyte;

const leftovers =
  /^(\.ds_store|thumbs\.db|desktop\.ini|npm-debug\.log.*|yarn-error\.log|lerna-debug\.log|.*\.(swp|swo|orig|rej|bak)|.*~)$/i;
/** Small programs that projects ship on purpose. */
const wrappers = /(^|\/)(gradle-wrapper\.jar|maven-wrapper\.jar|\.mvn\/.*\.jar|\.yarn\/.*)$/;

interface Magic {
  readonly name: string;
  readonly bytes: string;
}

const products: readonly Magic[] = [
  { name: "an ELF program or library", bytes: "7f454c46" },
  { name: "a Windows program or library", bytes: "4d5a" },
  { name: "a macOS program or library", bytes: "cffaedfe" },
  { name: "a macOS program or library", bytes: "cefaedfe" },
  { name: "a Java class", bytes: "cafebabe" },
  { name: "a static library", bytes: "213c617263683e0a" },
];
const archives: readonly Magic[] = [
  { name: "a ZIP archive", bytes: "504b0304" },
  { name: "a gzip archive", bytes: "1f8b08" },
  { name: "an xz archive", bytes: "fd377a585a00" },
  { name: "a 7z archive", bytes: "377abcaf271c" },
  { name: "a RAR archive", bytes: "526172211a07" },
];
const officeEnding = /\.(docx|xlsx|pptx|odt|ods|vsix|xpi|whl|nupkg|apk|epub|sketch|fig|usdz|3mf|kra|ora|excalidraw|svgz)$/i;

async function headOf(path: string, repo: Repository): Promise<string> {
  return (await repo.bytes(path, 64 * mebibyte).catch(() => Buffer.alloc(0))).subarray(0, 16).toString("hex");
}

function size(bytes: number): string {
  return bytes >= mebibyte ? `${(bytes / mebibyte).toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
}

async function auditFile(file: FileEntry, repo: Repository): Promise<Draft[]> {
  const { path, bytes } = file;
  const draft = (rule: string, severity: Severity, message: string, fix: string): Draft => ({
    dimension,
    rule,
    severity: bySetting(severity, path),
    path,
    what: rule,
    message,
    fix,
    evidence: `${size(bytes)}, ${file.kind}`,
    facts: { bytes },
  });
  if (leftovers.test(baseOf(path)))
    return [draft("leftover", "low", "A leftover of an editor, a tool or the system.", "Remove and ignore it.")];
  const drafts: Draft[] = [];
  if (file.kind === "binary") {
    const head = await headOf(path, repo);
    const product = products.find((magic) => head.startsWith(magic.bytes));
    const archive = archives.find((magic) => head.startsWith(magic.bytes));
    if (product !== undefined || /\.(pyc|class)$/.test(path))
      drafts.push(
        draft(
          "build-product",
          "medium",
          `The file is ${product?.name ?? "compiled code"}, which a build makes.`,
          "Remove and ignore it; publish it as a release.",
        ),
      );
    else if (/\.(jar|war)$/.test(path))
      drafts.push(
        draft(
          "build-product",
          wrappers.test(path) ? "info" : "medium",
          "The file is a Java archive, which a build makes.",
          "Remove and ignore it; take it from a registry.",
        ),
      );
    else if (archive !== undefined && !officeEnding.test(path))
      drafts.push(
        draft(
          "archive",
          "low",
          `The file is ${archive.name}: changes inside it cannot be reviewed.`,
          "Keep its content instead, or publish it as a release.",
        ),
      );
  }
  if (drafts.length === 0 && file.kind !== "lockfile" && bytes >= largishMin) {
    drafts.push(
      draft(
        "large-file",
        bytes >= largeMin ? "medium" : "low",
        `The file has ${size(bytes)}, and each clone carries all its versions.`,
        "Keep it in Git LFS or outside the repository.",
      ),
    );
  }
  return drafts;
}

const packageFolder = /(^|.*?\/)(node_modules|bower_components|site-packages)(?=\/)/;

/** One finding for a whole folder, made by the shard that holds the folder's first file. */
async function committedPackages(files: readonly FileEntry[], repo: Repository): Promise<Draft[]> {
  const folders = new Set(files.flatMap((file) => packageFolder.exec(file.path)?.[0] ?? []));
  const drafts: Draft[] = [];
  for (const path of folders) {
    const inside = (await repo.paths()).files.filter((each) => each.startsWith(`${path}/`));
    if (!files.some((file) => file.path === inside[0])) continue;
    drafts.push({
      dimension,
      rule: "installed-packages",
      severity: bySetting("medium", path),
      path,
      what: "installed packages",
      message: `Installed packages are in the repository: ${counted(inside.length, "file")}.`,
      fix: "Remove and ignore the folder; a lockfile says what to install.",
      evidence: counted(inside.length, "file"),
    });
  }
  return drafts;
}

async function caseCollisions(files: readonly FileEntry[], repo: Repository): Promise<Draft[]> {
  const first = await repo.once("first-by-case", async () => {
    const known = new Map<string, string>();
    for (const path of (await repo.paths()).files) if (!known.has(path.toLowerCase())) known.set(path.toLowerCase(), path);
    return known;
  });
  return files.flatMap(({ path, bytes }): Draft[] => {
    const other = first.get(path.toLowerCase());
    if (other === undefined || other === path) return [];
    return [
      {
        dimension,
        rule: "case-collision",
        severity: "medium",
        path,
        what: other,
        message: `Its path differs from ${other} in case only: on macOS and Windows one of them is lost.`,
        fix: "Rename one of them.",
        evidence: `${other} / ${path}`,
        facts: { other, bytes },
      },
    ];
  });
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  const method = "git attributes, object size and numstat";
  if (repo.git === null || repo.git.head === null)
    return likely("size on disk", "There is no git history to say whether it is committed.");
  const listed = await repo.runGit(["ls-tree", "-r", "-z", "--long", "HEAD", "--", finding.path]);
  if (listed === "") return rejected(method, "It is not committed.");
  if (finding.rule === "installed-packages") return confirmed(method);
  if (finding.rule === "case-collision") {
    const other = await repo.runGit(["ls-tree", "-z", "HEAD", "--", String(finding.facts?.["other"] ?? "")]);
    return other === "" ? rejected(method, "The other path is not committed.") : confirmed(method);
  }
  const attribute = await repo.runGit(["check-attr", "-z", "filter", "--", finding.path]).catch(() => "");
  const stored = Number(/^\d+ blob [0-9a-f]+ +(\d+)\t/.exec(listed)?.[1] ?? 0);
  if (attribute.split("\0")[2] === "lfs" || stored < 200)
    return rejected(method, "Git LFS keeps it; the repository has a pointer only.");
  const empty = (await repo.runGit(["hash-object", "-t", "tree", "--stdin"], "")).trim();
  const numstat = await repo.runGit(["diff", "--numstat", "--no-renames", empty, "HEAD", "--", finding.path]);
  const binary = numstat.startsWith("-\t-\t");
  if (finding.rule === "build-product") {
    if (wrappers.test(finding.path)) return rejected(method, "It is a build tool's wrapper, meant to be committed.");
    return binary ? confirmed(`${method}: binary for git, too`) : rejected(method, "Git takes it for text.");
  }
  if (stored < largeMin) return rejected(method, `The committed version has ${size(stored)} only.`);
  return binary ? confirmed(method) : likely(method, "It is text, which git compresses well.");
}

export const files: Audit = {
  dimension,
  description: "Large files, build products, installed packages, leftovers, names that collide",
  version: 1,
  scope(inventory) {
    if (inventory.files.length === 0) return { out: "no files" };
    const attributes = inventory.files.filter((file) => baseOf(file.path) === ".gitattributes");
    const collisions = inventory.files.map((file) => file.path);
    const large = inventory.files.filter((file) => file.bytes >= largishMin).length;
    return {
      files: inventory.files,
      why: `${counted(inventory.files.length, "file")}, ${large} of them of 1 MiB or more`,
      // Whether a file is committed is part of the verdict; names collide over the whole repository.
      basis: [...attributes.map((file) => file.hash), ...collisions, inventory.git.head === null ? "no commits" : ""],
      shardBytes: 1024 * mebibyte,
      shardFiles: 2_000,
      history: true,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [...(await committedPackages(shard.files, repo)), ...(await caseCollisions(shard.files, repo))];
    for (const file of shard.files) if (!file.path.includes("node_modules/")) drafts.push(...(await auditFile(file, repo)));
    return settle(drafts);
  },
  verify,
};
