// Hygiene of GitHub workflows and Dockerfiles.

import { lineage, readDockerfile, resolveArgs } from "../ci/dockerfile.ts";
import { readWorkflow, type Step } from "../ci/workflow.ts";
import { languageOf } from "../classify.ts";
import { corpus } from "../corpus.ts";
import type { Finding, Severity, Verdict } from "../finding.ts";
import { baseOf } from "../path-index.ts";
import type { Repository } from "../repository.ts";
import { type Audit, bySetting, confirmed, type Draft, fact, likely, rejected, settle } from "./audit.ts";
import { authored, counted, hashes } from "./scopes.ts";

const dimension = "ci";
const bytesMax = 512 * 1024;

const isWorkflow = (path: string): boolean => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path);
const isAction = (path: string): boolean => /(^|\/)action\.ya?ml$/.test(path);
const isDockerfile = (path: string): boolean =>
  languageOf(path) === "dockerfile" && !/\.(md|txt|ts|js|go|py|tmpl|template|j2|hbs|erb)$/.test(path);

/** Text that a stranger writes: in a shell script it becomes code. */
const strangersText =
  /\$\{\{[^}]*\b(github\.event\.(issue\.(title|body)|pull_request\.(title|body|head\.(ref|label|repo\.default_branch))|comment\.body|review\.body|review_comment\.body|discussion\.(title|body)|pages\.[^}]*page_name|commits[^}]*message|head_commit\.(message|author\.(email|name)))|github\.head_ref)\b[^}]*\}\}/;
const strangersCode =
  /github\.event\.(pull_request\.head\.(sha|ref)|workflow_run\.head_(sha|branch))|github\.head_ref|refs\/pull\//;

function auditUses(path: string, step: Pick<Step, "uses" | "usesLine">): Draft[] {
  const uses = step.uses ?? "";
  const [name = "", version = ""] = uses.split("@");
  if (uses === "" || name.startsWith(".") || name.startsWith("docker:") || name.includes("${{") || version.includes("${{"))
    return [];
  if (/^[0-9a-f]{40,64}$/.test(version)) return [];
  const owner = name.split("/")[0] ?? "";
  const ownedByHost = owner === "actions" || owner === "github";
  const isVersion = /^v?\d/.test(version) || /\/v?\d+(\.\d+)*$/.test(version);
  if (isVersion && ownedByHost) return [];
  const severity: Severity = isVersion || ownedByHost ? "low" : "medium";
  return [
    {
      dimension,
      rule: isVersion ? "action-by-tag" : "action-by-branch",
      severity,
      path,
      line: step.usesLine,
      what: uses,
      message: isVersion
        ? `${name} is taken by a tag, which its owner can move.`
        : `${name} is taken ${version === "" ? "without a version" : `from the branch ${version}`}: whatever is pushed there runs here.`,
      fix: "Pin it to a commit id, with the version in a comment.",
      evidence: `uses: ${uses}`,
      facts: { uses },
    },
  ];
}

function auditWorkflow(path: string, text: string): Draft[] {
  const workflow = readWorkflow(path, text);
  const drafts: Draft[] = [];
  const privileged = workflow.triggers.some((trigger) => trigger === "pull_request_target" || trigger === "workflow_run");
  if (workflow.permissions === "write-all") {
    drafts.push({
      dimension,
      rule: "write-all",
      severity: "medium",
      path,
      line: workflow.permissionsLine,
      what: "workflow",
      message: "Each job of this workflow may write to everything in the repository.",
      fix: "List the permissions that are needed.",
      evidence: "permissions: write-all",
    });
  }
  for (const job of workflow.jobs) {
    if (job.permissions === "write-all")
      drafts.push({
        dimension,
        rule: "write-all",
        severity: "medium",
        path,
        line: job.line,
        what: job.name,
        message: `The job ${job.name} may write to everything in the repository.`,
        fix: "List the permissions that are needed.",
        evidence: "permissions: write-all",
      });
    if (!job.hasTimeout && job.reusable === null && job.steps.length > 0) {
      drafts.push({
        dimension,
        rule: "no-timeout",
        severity: "low",
        path,
        line: job.line,
        what: job.name,
        message: `The job ${job.name} has no timeout: a hung step keeps a runner for six hours.`,
        fix: "Set timeout-minutes.",
        evidence: `${job.name}:`,
      });
    }
    if (job.reusable !== null) drafts.push(...auditUses(path, { uses: job.reusable, usesLine: job.line }));
    for (const step of job.steps) {
      drafts.push(...auditUses(path, step));
      const injected = strangersText.exec(step.run ?? "")?.[0];
      if (injected !== undefined) {
        drafts.push({
          dimension,
          rule: "script-injection",
          severity: "high",
          path,
          line: step.runLine,
          what: `${job.name} ${injected}`,
          facts: { expression: injected, privileged },
          message: `A script of the job ${job.name} contains text that a stranger writes, and so runs what they write.`,
          fix: "Pass it through an environment variable and quote that.",
          evidence: injected,
        });
      }
      if (privileged && (step.uses ?? "").startsWith("actions/checkout@") && strangersCode.test(step.ref ?? "")) {
        drafts.push({
          dimension,
          rule: "untrusted-checkout",
          severity: "high",
          path,
          line: step.usesLine,
          what: `${job.name} checkout`,
          facts: { job: job.name },
          message: `The job ${job.name} runs with the repository's secrets and checks out a stranger's code.`,
          fix: "Use the pull_request trigger, or never run what was checked out.",
          evidence: `${workflow.triggers.join(", ")}; ref: ${step.ref ?? ""}`,
        });
      }
    }
  }
  return drafts;
}

function auditDockerfile(path: string, text: string): Draft[] {
  const file = readDockerfile(text);
  const last = file.stages.at(-1);
  if (last === undefined) return [];
  const drafts: Draft[] = [];
  const aliases = new Set(file.stages.flatMap((stage) => (stage.alias === null ? [] : [stage.alias.toLowerCase()])));
  for (const stage of file.stages) {
    const image = stage.image;
    if (aliases.has(image.toLowerCase()) || image === "scratch" || image.includes("@sha256:") || image.includes("$")) continue;
    const tag = /:([^:/]+)$/.exec(image)?.[1];
    if (tag !== undefined && tag !== "latest") continue;
    drafts.push({
      dimension,
      rule: "floating-image",
      severity: bySetting("medium", path),
      path,
      line: stage.line,
      what: image,
      message: `The image ${image} ${tag === undefined ? "has no tag" : "is the latest one"}: each build may get another.`,
      fix: "Name a version, best with its digest.",
      evidence: `FROM ${image}`,
      facts: { image },
    });
  }
  const chain = lineage(file);
  const commands = chain.flatMap((stage) => stage.instructions);
  const runs = commands.some((each) => each.name === "CMD" || each.name === "ENTRYPOINT");
  const user = chain
    .map((stage) => stage.instructions.findLast((each) => each.name === "USER"))
    .find((each) => each !== undefined);
  const isRoot = user === undefined || /^(root|0)(:|$)/.test(user.args);
  if (runs && isRoot) {
    drafts.push({
      dimension,
      rule: "root-user",
      severity: bySetting("medium", path),
      path,
      line: user?.line ?? last.line,
      what: "root user",
      message: "The container runs as root.",
      fix: "Add USER with an unprivileged user to the last stage.",
      evidence: user === undefined ? `FROM ${last.image}, no USER` : `USER ${user.args}`,
    });
  }
  if (runs && commands.some((each) => each.name === "EXPOSE") && !commands.some((each) => each.name === "HEALTHCHECK")) {
    drafts.push({
      dimension,
      rule: "no-healthcheck",
      severity: "info",
      path,
      line: last.line,
      what: "no healthcheck",
      message: "The container serves a port and has no health check.",
      fix: "Add HEALTHCHECK, unless the platform probes it.",
      evidence: `FROM ${last.image}`,
    });
  }
  return drafts;
}

/** Rows of a file without comments, with their numbers: the second reading goes by text, not by tree. */
function rowsOf(text: string): { readonly row: string; readonly line: number }[] {
  return text
    .split("\n")
    .map((row, index) => ({ row: row.replace(/(^|\s)#.*$/, ""), line: index + 1 }))
    .filter(({ row }) => row.trim() !== "");
}

const unprivilegedImage = /nonroot|rootless|distroless.*-nonroot|unprivileged|bitnami\/|jenkins\/|grafana\/|prom\/|keycloak\//;
const dropsRoot = /\b(gosu|su-exec|setpriv|runuser|s6-setuidgid|chroot --userspec|dropprivs)\b/;

async function verifyRootUser(finding: Finding, text: string, repo: Repository): Promise<Verdict> {
  const method = "second reading by rows, base images, entry points and deployments";
  const rows = rowsOf(text);
  const images = rows.flatMap(({ row }) => /^\s*FROM\s+(?:--\S+\s+)*(\S+)/i.exec(row)?.[1] ?? []);
  const args = readDockerfile(text).args;
  if (unprivilegedImage.test(resolveArgs(images.at(-1) ?? "", args)))
    return rejected(method, "Its base image runs as an unprivileged user.");
  if (dropsRoot.test(text)) return rejected(method, "Its entry point drops root.");
  const lastFrom = rows.findLastIndex(({ row }) => /^\s*FROM\s/i.test(row));
  const user = rows
    .slice(lastFrom)
    .findLast(({ row }) => /^\s*USER\s/i.test(row))
    ?.row.trim()
    .split(/\s+/)[1];
  if (user !== undefined && !/^(root|0)(:|$)/.test(user)) return rejected(method, `Its last stage says USER ${user}.`);
  if (
    /(^|\/)(\.devcontainer|\.github|ci|\.ci|dev|hack|build|builder|toolchain)\//.test(finding.path) ||
    /(dev|ci|test|build(er)?)(\.|$)|\.(dev|ci|test|build)/i.test(baseOf(finding.path))
  ) {
    return likely(method, "It seems to be for development or building, where root is usual.");
  }
  const deployed = (await corpus(repo)).find(
    ({ path, text: other }) => /\.ya?ml$/.test(path) && /runAsNonRoot:\s*true|runAsUser:\s*[1-9]/.test(other),
  );
  return deployed === undefined ? confirmed(method) : likely(method, `${deployed.path} makes containers run unprivileged.`);
}

async function verify(finding: Finding, repo: Repository): Promise<Verdict> {
  const text = await repo.text(finding.path, bytesMax);
  const method = "second reading by rows, without the parser";
  const rows = rowsOf(text);
  const near = rows.filter(({ line }) => Math.abs(line - (finding.line ?? 1)) <= 1);
  switch (finding.rule) {
    case "action-by-branch": {
      const uses = fact(finding, "uses");
      const row = near.find(({ row: each }) => each.includes(uses) && /\buses\s*:/.test(each));
      if (row === undefined) return rejected(method, "No such line outside comments.");
      return /^[0-9a-f]{7,39}$/.test(uses.split("@")[1] ?? "")
        ? likely(method, "It may be a short commit id.")
        : confirmed(method);
    }
    case "write-all":
      return near.concat(rows).some(({ row }) => /^\s*permissions\s*:\s*["']?write-all/.test(row))
        ? confirmed(method)
        : rejected(method, "No such line outside comments.");
    case "script-injection": {
      const expression = fact(finding, "expression");
      const at = rows.filter(({ row }) => row.includes(expression));
      // As an environment variable it is data, not code.
      const inScript = at.some(({ row }) => !/^\s*[A-Z_][A-Z0-9_]*\s*:/.test(row));
      if (!inScript) return rejected(method, "It is passed as an environment variable.");
      return fact(finding, "privileged") === "true" ||
        /^\s*(push|issues|issue_comment|discussion|pull_request)\b/m.test(text) ||
        text.includes("github.event.comment")
        ? confirmed(method)
        : likely(method, "The workflow's triggers may keep strangers out.");
    }
    case "untrusted-checkout": {
      if (!/pull_request_target|workflow_run/.test(rows.map(({ row }) => row).join("\n")))
        return rejected(method, "The trigger is in a comment only.");
      const runs = rows.some(
        ({ row }) =>
          /\b(npm|pnpm|yarn|bun|make|cargo|go|pip|python|bash|sh|node|docker|mvn|gradle)\b/.test(row) && !/uses\s*:/.test(row),
      );
      return runs ? confirmed(method) : likely(method, "Nothing that was checked out seems to be run.");
    }
    case "floating-image": {
      const image = fact(finding, "image");
      const built = (await corpus(repo)).find(
        ({ path, text: other }) =>
          path !== finding.path &&
          /\.ya?ml$|Makefile$|\.sh$|\.hcl$/.test(path) &&
          new RegExp(`(image:|-t|--tag|tags =)\\s*["'\\[]*${image.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\b`).test(other),
      );
      if (built !== undefined) return rejected(method, `${built.path} builds that image here.`);
      return near.some(({ row }) => /^\s*FROM\s/i.test(row) && row.includes(image))
        ? confirmed(method)
        : rejected(method, "No such line outside comments.");
    }
    default:
      return verifyRootUser(finding, text, repo);
  }
}

export const ci: Audit = {
  dimension,
  description: "GitHub workflows and Dockerfiles: pinning, injection, permissions, root, timeouts",
  version: 1,
  scope(inventory) {
    const files = inventory.files.filter(
      (file) =>
        !file.vendored &&
        file.bytes <= bytesMax &&
        file.kind !== "binary" &&
        (isWorkflow(file.path) || isAction(file.path) || isDockerfile(file.path)),
    );
    if (files.length === 0) return { out: "no GitHub workflows and no Dockerfiles" };
    const dockerfiles = files.filter((file) => isDockerfile(file.path)).length;
    const others = authored(inventory).filter((file) => /\.(ya?ml|sh|hcl)$|Makefile$/.test(file.path));
    return {
      files,
      why: `${counted(files.length - dockerfiles, "workflow or action", "workflows and actions")}, ${counted(dockerfiles, "Dockerfile")}`,
      basis: hashes(others),
      shardBytes: 128 * 1024,
      shardFiles: 20,
    };
  },
  async audit(shard, repo) {
    const drafts: Draft[] = [];
    for (const { path } of shard.files) {
      const text = await repo.text(path, bytesMax);
      drafts.push(...(isDockerfile(path) ? auditDockerfile(path, text) : auditWorkflow(path, text)));
    }
    return settle(drafts);
  },
  verify,
};
