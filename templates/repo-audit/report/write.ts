import { randomUUID } from "node:crypto";
import { lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { AuditResult, Dimension, Severity } from "../finding.ts";
import { ReportError } from "./error.ts";
import type { GateOutcome } from "./gate.ts";
import { renderHtml } from "./html.ts";
import { readFindings, renderJson } from "./json.ts";
import { renderMarkdown } from "./markdown.ts";
import { reportModel, type ReportModel, type ReportOptions } from "./model.ts";
import { renderSarif } from "./sarif.ts";
import type { Grade, VerdictStatus } from "./score.ts";

export const reportFiles = {
  html: "report.html",
  markdown: "report.md",
  sarif: "findings.sarif",
  json: "findings.json",
} as const;
type Format = keyof typeof reportFiles;

/** What a terminal, or the caller's exit code, needs to know about a written report. */
export interface ReportSummary {
  readonly paths: Readonly<Record<Format, string>>;
  readonly score: number | null;
  readonly grade: Grade | null;
  readonly scores: Readonly<Partial<Record<Dimension, number>>>;
  readonly severities: Readonly<Record<Severity, number>>;
  readonly verdicts: Readonly<Record<VerdictStatus, number>>;
  readonly gaps: number;
  readonly gate: GateOutcome;
  /** Null without a previous run. */
  readonly diff: {
    readonly new: number;
    readonly fixed: number;
    readonly unchanged: number;
    readonly score: number | null;
  } | null;
}

/**
 * Writes the four files of a report. Each is whole or absent at every moment: it is written beside its place and then
 * renamed. `findings.json` comes last, since the next run compares itself with it.
 */
export async function writeReport(
  dir: string,
  result: AuditResult,
  previous?: AuditResult,
  options: ReportOptions = {},
): Promise<ReportSummary> {
  const model = reportModel(result, previous, options);
  const folder = resolve(dir);
  await makeFolder(folder);
  const content: Record<Format, string> = {
    html: renderHtml(model),
    markdown: renderMarkdown(model),
    sarif: renderSarif(model),
    json: renderJson(model),
  };
  const formats = Object.keys(reportFiles) as Format[];
  const files = formats.map((format) => ({
    at: join(folder, reportFiles[format]),
    temp: join(folder, `.${reportFiles[format]}.${randomUUID()}.tmp`),
    content: content[format],
  }));
  try {
    for (const file of files) await refuseFolder(file.at);
    for (const file of files) await writeWhole(file.temp, file.content);
    for (const file of files) await rename(file.temp, file.at);
  } catch (error) {
    await Promise.all(files.map((file) => rm(file.temp, { force: true }).catch(() => undefined)));
    throw error instanceof ReportError ? error : cannotWrite(folder, error);
  }
  return summarize(model, folder);
}

/** The findings that an earlier `writeReport` left in the folder; undefined when there are none. */
export async function readPrevious(dir: string): Promise<AuditResult | undefined> {
  const path = join(resolve(dir), reportFiles.json);
  let json: string;
  try {
    json = await readFile(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new ReportError({
      what: "The findings of the previous run cannot be read.",
      where: path,
      why: (error as Error).message,
      fix: "make the file readable for this user, or delete it to start without a previous run",
      cause: error,
    });
  }
  return readFindings(json, path);
}

function summarize(model: ReportModel, folder: string): ReportSummary {
  const { scores, diff } = model;
  return {
    paths: {
      html: join(folder, reportFiles.html),
      markdown: join(folder, reportFiles.markdown),
      sarif: join(folder, reportFiles.sarif),
      json: join(folder, reportFiles.json),
    },
    score: scores.total,
    grade: scores.grade,
    scores: Object.fromEntries(scores.dimensions.flatMap((d) => (d.score === null ? [] : [[d.dimension, d.score]]))),
    severities: model.severities,
    verdicts: model.verdicts,
    gaps: model.result.gaps.length,
    gate: model.gate,
    diff:
      diff === null
        ? null
        : { new: diff.new.length, fixed: diff.fixed.length, unchanged: diff.unchanged.length, score: diff.total.delta },
  };
}

/** Also proves that the folder takes files: permission bits alone cannot tell (root, read-only mounts, full quotas). */
async function makeFolder(folder: string): Promise<void> {
  const probe = join(folder, `.report.${randomUUID()}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(probe, "wx");
    await handle.close();
    await rm(probe);
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

async function refuseFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found?.isDirectory() !== true) return;
  throw new ReportError({
    what: "The report cannot be written.",
    where: path,
    why: "a folder stands where the file belongs",
    fix: "move that folder away, or give another report folder",
  });
}

async function writeWhole(path: string, content: string): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(content, "utf8");
    // Without this a power cut after the rename can leave an empty file under the final name.
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function cannotWrite(folder: string, error: unknown): ReportError {
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "this user may not write there",
    EPERM: "this user may not write there",
    EROFS: "the file system is read-only",
    ENOTDIR: "a part of the path is a file, not a folder",
    EEXIST: "a file stands where the folder belongs",
    ENOENT: "the path cannot be made",
    ENOSPC: "the disk is full",
  };
  const code = String((error as NodeJS.ErrnoException).code ?? "");
  return new ReportError({
    what: "The report cannot be written.",
    where: folder,
    why: reasons[code] === undefined ? (error as Error).message : `${reasons[code]} (${code})`,
    fix:
      code === "ENOSPC"
        ? "free some space, or give a report folder on another disk"
        : "give a report folder that this user can write to, or change its permissions",
    cause: error,
  });
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
