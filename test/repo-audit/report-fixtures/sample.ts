// A made-up repository with the mix that a real one shows: a few serious findings, many small ones, some noise that
// verification threw out, one task that gave up, and a previous run to compare with.

import { createHash } from "node:crypto";
import type { AuditResult, Dimension, Severity, VerifiedFinding } from "../../../templates/repo-audit/finding.ts";

type Draft = Omit<VerifiedFinding, "id" | "verdict"> & { verdict?: VerifiedFinding["verdict"] };

export function finding(draft: Draft): VerifiedFinding {
  const id = createHash("sha256")
    .update(`${draft.dimension}/${draft.rule}/${draft.path}/${draft.message}`)
    .digest("hex")
    .slice(0, 16);
  return { ...draft, id, verdict: draft.verdict ?? { status: "unverified" } };
}

export function resultOf(findings: readonly VerifiedFinding[], over: Partial<AuditResult> = {}): AuditResult {
  return {
    repo: {
      name: "harbour",
      root: "/srv/checkouts/harbour",
      head: "9f3c1a7be20d4c55a1d0e6f7b8c9d0e1f2a3b4c5",
      files: 1954,
      bytes: 48_310_000,
    },
    runId: "r_7K2QX9",
    startedAt: "2026-11-22T10:00:00.000Z",
    finishedAt: "2026-11-22T10:00:41.300Z",
    plan: [],
    findings,
    gaps: [],
    stats: { tasks: 0, shards: 0, reusedShards: 0, filesUnchanged: 0, verified: 0, workers: 0 },
    ...over,
  };
}

const confirmed = (method: string): VerifiedFinding["verdict"] => ({ status: "confirmed", method });
const likely = (method: string, reason: string): VerifiedFinding["verdict"] => ({ status: "likely", method, reason });
const rejected = (method: string, reason: string): VerifiedFinding["verdict"] => ({ status: "rejected", method, reason });

const areas = [
  "server/queue",
  "server/http",
  "server/auth",
  "web/src/routes",
  "web/src/lib/components",
  "packages/client/src",
  "packages/cli/src",
  "tools/release",
];
const nouns = [
  "scheduler",
  "lease",
  "router",
  "session",
  "table",
  "timeline",
  "retry",
  "payload",
  "cursor",
  "stream",
  "filter",
  "migration",
];
const sourceOf = (i: number): string =>
  `${areas[i % areas.length]}/${nouns[(i * 5) % nouns.length]}${i % 3 === 0 ? "-store" : ""}.ts`;

function licences(): VerifiedFinding[] {
  const mpl = [
    "lightningcss",
    "lightningcss-linux-x64-gnu",
    "axe-core",
    "dompurify",
    "@resvg/resvg-js",
    "webpki-roots",
    "certifi-js",
    "mdn-data-extra",
    "opener-core",
    "victory-vendor",
    "eme-encryption",
    "source-map-trace",
  ];
  return [
    finding({
      dimension: "licences",
      rule: "denied-licence",
      severity: "high",
      path: "package-lock.json",
      line: 18_211,
      message: "ghostprint-js 4.1.0 is AGPL-3.0-only, which the policy denies.",
      fix: "Replace ghostprint-js, or get a commercial licence for it and allow it by name.",
      evidence: '"license": "AGPL-3.0-only"',
      facts: { licence: "AGPL-3.0-only", package: "ghostprint-js", direct: true },
      verdict: confirmed("the licence file inside the installed package"),
    }),
    ...mpl.map((name, i) =>
      finding({
        dimension: "licences",
        rule: "weak-copyleft",
        severity: "medium",
        path: "package-lock.json",
        line: 2_100 + i * 611,
        message: `${name} is MPL-2.0: changes to its own files must be published.`,
        fix: "Keep its files unmodified, or record the exception in the licence policy.",
        evidence: '"license": "MPL-2.0"',
        facts: { licence: "MPL-2.0", package: name, direct: i < 2 },
        verdict:
          i === 7
            ? rejected("the installed manifest", "The installed manifest says MIT; the lockfile entry is stale.")
            : confirmed("the installed manifest"),
      }),
    ),
    finding({
      dimension: "licences",
      rule: "no-licence",
      severity: "medium",
      path: "packages/cli/package.json",
      message: "tiny-spinner-frames 0.2.1 names no licence.",
      fix: "Ask its author, or replace it.",
      evidence: '"tiny-spinner-frames": "^0.2.1"',
      facts: { package: "tiny-spinner-frames" },
      verdict: likely("the installed manifest", "The package is not installed here, so only the lockfile could be read."),
    }),
    finding({
      dimension: "licences",
      rule: "attribution",
      severity: "low",
      path: "package-lock.json",
      line: 9_077,
      message: "caniuse-lite is CC-BY-4.0 and wants attribution.",
      fix: "Name it in the third-party notices.",
      evidence: '"license": "CC-BY-4.0"',
      facts: { licence: "CC-BY-4.0", package: "caniuse-lite" },
    }),
  ];
}

function secrets(): VerifiedFinding[] {
  return [
    finding({
      dimension: "secrets",
      rule: "private-key",
      severity: "high",
      path: "deploy/staging/tls/harbour.key",
      line: 1,
      message: "A private RSA key is tracked by git.",
      fix: "Revoke the key, issue a new one outside the repository, and rewrite history if the repository was ever shared.",
      evidence: "-----BEGIN RSA PRIVATE KEY-----\n[redacted, 1,624 characters]",
      facts: { detector: "pem block", tracked: true, since: "2023-02-11" },
      verdict: confirmed("parsing the key and finding its blob in git"),
    }),
    finding({
      dimension: "secrets",
      rule: "token",
      severity: "high",
      path: "tools/release/publish.sh",
      line: 14,
      message: "What looks like a registry token stands in a script.",
      fix: "Revoke the token and read it from the environment.",
      evidence: "NPM_TOKEN=npm_[redacted 36]",
      facts: { detector: "npm token", entropy: 4.71 },
      verdict: likely(
        "entropy and checksum of the token",
        "Its shape and entropy fit, but its checksum could not be verified without the network.",
      ),
    }),
    ...[
      "test/fixtures/webhook.json",
      "docs/guides/auth.md",
      "server/auth/__tests__/session.test.ts",
      "examples/login/.env.example",
    ].map((path, i) =>
      finding({
        dimension: "secrets",
        rule: "token",
        severity: "medium",
        path,
        line: 7 + i * 12,
        message: "What looks like an access token stands in a text.",
        fix: "Revoke the token and read it from the environment.",
        evidence: "sk_test_[redacted 24]",
        facts: { detector: "stripe key" },
        verdict: rejected(
          "the meaning of the place",
          "A documented placeholder: the value repeats one character or names itself an example.",
        ),
      }),
    ),
  ];
}

function links(): VerifiedFinding[] {
  const dead = [
    ["CONTRIBUTING.md", 81, "docs/development/setup.md"],
    ["README.md", 22, "examples/hello-world"],
    ["server/docker/README.md", 9, "config/production.yaml"],
    ["docs/guides/retries.md", 140, "../reference/backoff.md#jitter"],
    ["web/README.md", 31, "./storybook"],
  ] as const;
  return [
    ...dead.map(([path, line, target]) =>
      finding({
        dimension: "links",
        rule: "dead-path",
        severity: "medium",
        path,
        line,
        message: `Links to ${target}, which does not exist.`,
        fix: "Point the link at the place the file moved to, or remove it.",
        evidence: `[see here](${target})`,
        facts: { target },
        verdict: confirmed("git: the path is neither in the tree nor ignored"),
      }),
    ),
    ...Array.from({ length: 21 }, (_, i) =>
      finding({
        dimension: "links",
        rule: "dead-path",
        severity: "medium",
        path: `docs/site/content/${nouns[i % nouns.length]}-${i}.mdx`,
        line: 10 + i,
        message: `Links to /concepts/${nouns[(i + 3) % nouns.length]}, which does not exist.`,
        fix: "Point the link at the place the file moved to, or remove it.",
        evidence: `[concept](/concepts/${nouns[(i + 3) % nouns.length]})`,
        verdict: rejected(
          "the routes of the documentation site",
          i % 3 === 0
            ? "The target is generated by the build of the documentation."
            : "The target is a route of the documentation site at docs/site.",
        ),
      }),
    ),
    finding({
      dimension: "links",
      rule: "dead-anchor",
      severity: "low",
      path: "docs/guides/queues.md",
      line: 12,
      message: "Points at #fair-share, but no heading of that name exists.",
      fix: "Use #fairness, the nearest heading.",
      evidence: "(#fair-share)",
    }),
  ];
}

function hotspots(): VerifiedFinding[] {
  return Array.from({ length: 14 }, (_, i) =>
    finding({
      dimension: "hotspots",
      rule: i % 4 === 3 ? "one-author" : "churn-and-complexity",
      severity: i < 2 ? "high" : i < 7 ? "medium" : "low",
      path: sourceOf(i * 3),
      message:
        i % 4 === 3
          ? `One person wrote ${96 - i}% of this file.`
          : `Changed in ${188 - i * 9} commits within a year, with ${74 - i * 3} branches.`,
      fix: i % 4 === 3 ? "Let a second person make the next change here." : "Split it where its changes cluster, tests first.",
      evidence: `${188 - i * 9} commits, ${1_240 - i * 61} lines, 3 authors`,
      facts: { commits: 188 - i * 9, branches: 74 - i * 3, authors: i % 4 === 3 ? 1 : 3 },
      ...(i < 7
        ? {
            verdict:
              i === 4
                ? likely("a second complexity measure", "Indentation agrees, nesting depth does not.")
                : confirmed("indentation complexity and git numstat"),
          }
        : {}),
    }),
  );
}

function tests(): VerifiedFinding[] {
  return Array.from({ length: 46 }, (_, i) =>
    finding({
      dimension: "tests",
      rule: "untested",
      severity: i < 9 ? "medium" : "low",
      path: sourceOf(i * 7 + 1).replace(".ts", `-${i}.ts`),
      message: i < 9 ? "A hotspot without any test near it." : "No test near this file names or imports it.",
      fix: "Add a test that imports it, beginning with what changed last.",
      evidence: `exports ${1 + (i % 7)} names; imported by ${i % 11} files`,
      facts: { exports: 1 + (i % 7) },
      ...(i < 9
        ? {
            verdict:
              i % 5 === 4
                ? rejected("the import graph of the tests", "A test reaches it through an index file.")
                : confirmed("the import graph of the tests"),
          }
        : {}),
    }),
  );
}

function docs(): VerifiedFinding[] {
  return Array.from({ length: 118 }, (_, i) =>
    finding({
      dimension: "docs",
      rule: "undocumented-export",
      severity: i % 4 === 0 ? "low" : "info",
      path: sourceOf(i * 11 + 2),
      line: 12 + ((i * 37) % 400),
      message: `${["function", "class", "type", "const"][i % 4]} ${nouns[i % nouns.length]}${["Options", "From", "Of", "State", "Map"][i % 5]} is exported without a comment.`,
      fix: "Say in one sentence what it is for.",
      evidence: `export ${["function", "class", "type", "const"][i % 4]} ${nouns[i % nouns.length]}`,
    }),
  );
}

function dependencies(): VerifiedFinding[] {
  return [
    ...["moment", "left-pad-extra", "request-promise"].map((name, i) =>
      finding({
        dimension: "dependencies",
        rule: "unused",
        severity: "medium",
        path: i === 2 ? "packages/cli/package.json" : "package.json",
        line: 40 + i,
        message: `${name} is declared, but nothing imports it.`,
        fix: `Remove ${name} from the manifest.`,
        evidence: `"${name}": "^2.0.0"`,
        facts: { package: name },
        verdict:
          i === 1
            ? likely("a text search over scripts and configuration", "Its name occurs in a comment of a build script.")
            : confirmed("a text search over scripts and configuration"),
      }),
    ),
    finding({
      dimension: "dependencies",
      rule: "undeclared",
      severity: "high",
      path: "server/http/router.ts",
      line: 3,
      message: "Imports fast-uri, which no manifest declares.",
      fix: "Declare fast-uri in server/package.json.",
      evidence: 'import { parse } from "fast-uri";',
      facts: { package: "fast-uri" },
      verdict: confirmed("resolution from the importing folder"),
    }),
    finding({
      dimension: "dependencies",
      rule: "duplicate",
      severity: "low",
      path: "package-lock.json",
      message: "Three versions of semver are installed.",
      fix: "Run npm dedupe, and lift the oldest dependant.",
      evidence: "semver 5.7.2, 6.3.1, 7.6.3",
    }),
  ];
}

function ci(): VerifiedFinding[] {
  return [
    ...["ci.yml", "release.yml", "docs.yml", "nightly.yml"].flatMap((file, i) => [
      finding({
        dimension: "ci",
        rule: "unpinned-action",
        severity: "medium",
        path: `.github/workflows/${file}`,
        line: 18 + i,
        message: `tj-actions/changed-files@v${40 + i} is pinned to a tag that can move.`,
        fix: "Pin the action to a full commit id and let a bot raise it.",
        evidence: `uses: tj-actions/changed-files@v${40 + i}`,
        facts: { uses: `tj-actions/changed-files@v${40 + i}` },
        verdict: confirmed("a YAML parse of the workflow"),
      }),
      finding({
        dimension: "ci",
        rule: "no-timeout",
        severity: "low",
        path: `.github/workflows/${file}`,
        line: 12,
        message: "Job build has no timeout-minutes.",
        fix: "Set timeout-minutes to twice the usual time.",
        evidence: "jobs:\n  build:\n    runs-on: ubuntu-latest",
      }),
    ]),
    finding({
      dimension: "ci",
      rule: "root-container",
      severity: "medium",
      path: "server/docker/Dockerfile",
      line: 31,
      message: "The image runs as root.",
      fix: "Add a USER line before CMD.",
      evidence: 'CMD ["node", "server.js"]',
      verdict: confirmed("a walk over all build stages"),
    }),
  ];
}

function debt(): VerifiedFinding[] {
  const ages = [
    4, 12, 25, 40, 66, 80, 120, 170, 200, 260, 300, 340, 380, 420, 500, 610, 700, 820, 900, 1_100, 1_200, 1_350, 1_700, 1_900,
    2_100, 2_600,
  ];
  return ages.map((ageDays, i) =>
    finding({
      dimension: "debt",
      rule: ageDays > 730 ? "old-marker" : "marker",
      severity: ageDays > 1_800 ? "medium" : ageDays > 365 ? "low" : "info",
      path: sourceOf(i * 13 + 4),
      line: 20 + i * 17,
      message: `${i % 3 === 0 ? "FIXME" : "TODO"} by ${["ana", "jonas", "mei", "tariq"][i % 4]}, ${ageDays} days old.`,
      fix: "Do it, file it, or delete it.",
      evidence: `// ${i % 3 === 0 ? "FIXME" : "TODO"}(${["ana", "jonas", "mei", "tariq"][i % 4]}): ${["handle the second page", "this leaks when the socket closes early", "drop once v2 is gone", "timezone?"][i % 4]}`,
      facts: { months: Math.floor(ageDays / 30.5), word: i % 3 === 0 ? "FIXME" : "TODO" },
      ...(ageDays > 1_800 ? { verdict: confirmed("git blame over the following lines") } : {}),
    }),
  );
}

function files(): VerifiedFinding[] {
  return [
    finding({
      dimension: "files",
      rule: "large-binary",
      severity: "medium",
      path: "docs/assets/demo-recording-final-v2.mp4",
      message: "A 21.4 MB video is tracked by git.",
      fix: "Move it to a release or to large file storage.",
      evidence: "21,412,004 bytes, video/mp4",
      facts: { bytes: 21_412_004 },
      verdict: confirmed("the size of the git object"),
    }),
    finding({
      dimension: "files",
      rule: "build-output",
      severity: "low",
      path: "packages/client/dist/index.cjs",
      message: "Looks like build output.",
      fix: "Ignore dist and remove it from the index.",
      evidence: "sourceMappingURL=index.cjs.map",
    }),
  ];
}

const why: Readonly<Record<Dimension, readonly [number, string]>> = {
  licences: [6, "one lockfile with 1,412 packages, cut by 250"],
  secrets: [49, "1,954 files, cut by 40"],
  links: [13, "486 documents; routes of docs/site (Docusaurus) are known"],
  hotspots: [8, "3,120 commits since 2019, cut by folder"],
  tests: [11, "312 sources beside 302 tests"],
  docs: [11, "312 sources with exports"],
  dependencies: [5, "5 manifests"],
  ci: [2, "4 workflows, 1 Dockerfile"],
  debt: [14, "26 markers, one blame per file"],
  files: [1, "the inventory is enough"],
};

export const sample: AuditResult = resultOf(
  [
    ...licences(),
    ...secrets(),
    ...links(),
    ...hotspots(),
    ...tests(),
    ...docs(),
    ...dependencies(),
    ...ci(),
    ...debt(),
    ...files(),
  ],
  {
    plan: (Object.keys(why) as Dimension[]).map((dimension) => ({
      dimension,
      included: true,
      shards: why[dimension][0],
      why: why[dimension][1],
    })),
    gaps: [
      {
        task: "audit.debt debt#9",
        what: "the age of markers in web/src/lib/vendor-bridge.ts",
        why: "FLOTILLA_TASK_QUARANTINED: the file killed its worker 3 times (parser ran out of memory on a line of 38 MB)",
      },
      {
        task: "verify.hotspots hotspots#2",
        what: "the second look at 2 findings below server/queue",
        why: "FLOTILLA_TASK_TIMEOUT: git blame took longer than 20 s",
      },
    ],
    stats: { tasks: 231, shards: 120, reusedShards: 96, filesUnchanged: 1802, verified: 76, workers: 12 },
  },
);

/** The sample as it stood a week earlier: some findings were not there yet, others have been fixed since. */
export const earlier: AuditResult = resultOf(
  [
    ...sample.findings.filter((f, i) => f.rule !== "undeclared" && f.rule !== "private-key" && i % 29 !== 5),
    ...Array.from({ length: 17 }, (_, i) =>
      finding({
        dimension: i % 2 === 0 ? "links" : "tests",
        rule: i % 2 === 0 ? "dead-path" : "untested",
        severity: i < 5 ? "medium" : "low",
        path: `docs/archive/${nouns[i % nouns.length]}-${i}.md`,
        line: 4 + i,
        message: `Links to ../old/${nouns[(i * 3) % nouns.length]}.md, which does not exist.`,
        fix: "Remove the link.",
        evidence: "[old](../old)",
        ...(i < 5 ? { verdict: confirmed("git: the path is neither in the tree nor ignored") } : {}),
      }),
    ),
    finding({
      dimension: "ci",
      rule: "root-container",
      severity: "high",
      path: "tools/release/Dockerfile",
      line: 9,
      message: "The image runs as root and holds publishing rights.",
      fix: "Add a USER line before CMD.",
      evidence: "FROM node:22",
      verdict: confirmed("a walk over all build stages"),
    }),
  ],
  {
    runId: "r_5D8MZC",
    startedAt: "2026-11-15T09:12:00.000Z",
    finishedAt: "2026-11-15T09:13:12.000Z",
    plan: sample.plan,
    repo: { ...sample.repo, head: "51b0cc2f90aa4d7c8e1122334455667788990011", files: 1941 },
  },
);

/** Strings that a repository may hold to break or to fool whoever shows them. */
export const hostile = {
  script: "</script><script>alert(1)</script>",
  attribute: `" onmouseover="alert(2)" x='`,
  style: "</style><style>*{display:none}</style>",
  cdata: "]]><img src=x onerror=alert(3)>",
  entities: `<b>&amp;"'&lt;</b>`,
  bidi: "access\u202Etxt.exe\u2066 admin\u2069",
  unseen: "zero\u200Bwidth\u0000nul\u001B[31mred\uFEFF",
  lone: "half \uD800 a pair",
  markdown: "](javascript:alert(4)) | `code` **bold** <details> @everyone https://evil.example/x\n# heading",
  placeholder: "[click](https://evil.example) {0} {1}",
  url: "https://evil.example/load.js",
  long: `${"very-long-folder-name/".repeat(40)}file.ts`,
} as const;

export const hostileResult: AuditResult = resultOf(
  Object.entries(hostile).flatMap(([name, text]) =>
    (["confirmed", "likely", "rejected"] as const).map((status) =>
      finding({
        dimension: "links",
        rule: `rule-${name}`,
        severity: "high",
        path: text,
        line: 3,
        message: `${text} ${status}`,
        fix: text,
        evidence: text,
        facts: { [text]: text, licence: text },
        verdict: status === "confirmed" ? { status, method: text } : { status, method: text, reason: text },
      }),
    ),
  ),
  {
    repo: { name: hostile.script, root: hostile.attribute, head: hostile.entities, files: 3, bytes: 10 },
    runId: hostile.attribute,
    plan: [
      { dimension: "links", included: true, why: hostile.script, shards: 1 },
      { dimension: "ci", included: false, why: hostile.attribute, shards: 0 },
    ],
    gaps: [{ task: hostile.markdown, what: hostile.script, why: hostile.bidi }],
  },
);

export function manyFindings(n: number): AuditResult {
  const severity: readonly Severity[] = ["info", "low", "medium", "high"];
  const all: readonly Dimension[] = [
    "licences",
    "secrets",
    "links",
    "hotspots",
    "tests",
    "docs",
    "dependencies",
    "ci",
    "debt",
    "files",
  ];
  return resultOf(
    Array.from({ length: n }, (_, i) =>
      finding({
        dimension: all[i % all.length]!,
        rule: `rule-${i % 23}`,
        severity: severity[i % 4]!,
        path: `packages/p${i % 97}/src/module-${i}.ts`,
        line: 1 + (i % 900),
        message: `Something number ${i} is not as it should be.`,
        fix: "Put it right.",
        evidence: `const value${i} = compute(${i});`,
      }),
    ),
  );
}
