// Shapes of secrets. A rule finds candidates; whether a candidate is real is judged apart, in judge.ts.

export interface SecretRule {
  readonly name: string;
  readonly title: string;
  /** One of these must be in the text before the pattern is tried: most files have none. Lower case. */
  readonly hints: readonly string[];
  /** Global. The group `value` is the secret, `key` the name it is given to. */
  readonly pattern: RegExp;
  /** The public part of the value, which may be shown. */
  readonly shown: string;
  readonly severity: "high" | "medium";
  /** Tests hold made-up ones of this kind by right: no shape of their own, or signed on the spot. */
  readonly madeUpInTests?: true;
}

const word = "A-Za-z0-9";

export const secretRules: readonly SecretRule[] = [
  {
    name: "private-key",
    title: "a private key",
    hints: ["private key-----"],
    shown: "-----BEGIN PRIVATE KEY-----",
    severity: "high",
    pattern:
      /(?<value>-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----[\s\S]{40,12000}?-----END [A-Z ]{0,12}PRIVATE KEY-----)/g,
  },
  {
    name: "github-token",
    title: "a GitHub token",
    hints: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
    shown: "gh?_",
    severity: "high",
    pattern: new RegExp(`(?<![${word}_])(?<value>gh[pousr]_[${word}]{36})(?![${word}_])`, "g"),
  },
  {
    name: "github-fine-grained-token",
    title: "a fine-grained GitHub token",
    hints: ["github_pat_"],
    shown: "github_pat_",
    severity: "high",
    pattern: new RegExp(`(?<![${word}_])(?<value>github_pat_[${word}]{22}_[${word}]{59})(?![${word}_])`, "g"),
  },
  {
    name: "npm-token",
    title: "an npm token",
    hints: ["npm_"],
    shown: "npm_",
    severity: "high",
    pattern: new RegExp(`(?<![${word}_])(?<value>npm_[${word}]{36})(?![${word}_])`, "g"),
  },
  {
    name: "aws-access-key",
    title: "an AWS access key id",
    hints: ["akia", "asia"],
    shown: "AKIA",
    severity: "high",
    pattern: /(?<![A-Za-z0-9/+_])(?<value>(?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z0-9/+_])/g,
  },
  {
    name: "slack-token",
    title: "a Slack token",
    hints: ["xox"],
    shown: "xox?-",
    severity: "high",
    pattern: /(?<![A-Za-z0-9])(?<value>xox[abposr]-(?:\d{9,13}-){1,3}[A-Za-z0-9]{20,64})(?![A-Za-z0-9])/g,
  },
  {
    name: "slack-webhook",
    title: "a Slack webhook",
    hints: ["hooks.slack.com"],
    shown: "https://hooks.slack.com/services/",
    severity: "medium",
    pattern: /hooks\.slack\.com\/services\/(?<value>T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/[A-Za-z0-9]{24})/g,
  },
  {
    name: "stripe-key",
    title: "a live Stripe key",
    hints: ["k_live_"],
    shown: "?k_live_",
    severity: "high",
    pattern: new RegExp(`(?<![${word}_])(?<value>[sr]k_live_[${word}]{24,120})(?![${word}_])`, "g"),
  },
  {
    name: "google-api-key",
    title: "a Google API key",
    hints: ["aiza"],
    shown: "AIza",
    severity: "medium",
    pattern: /(?<![A-Za-z0-9_-])(?<value>AIza[0-9A-Za-z_-]{35})(?![A-Za-z0-9_-])/g,
  },
  {
    name: "openai-key",
    title: "an OpenAI key",
    hints: ["t3blbkfj"],
    shown: "sk-",
    severity: "high",
    pattern:
      /(?<![A-Za-z0-9_-])(?<value>sk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100})(?![A-Za-z0-9_-])/g,
  },
  {
    name: "anthropic-key",
    title: "an Anthropic key",
    hints: ["sk-ant-"],
    shown: "sk-ant-",
    severity: "high",
    pattern: /(?<![A-Za-z0-9_-])(?<value>sk-ant-(?:api|admin)\d{2}-[A-Za-z0-9_-]{80,110}AA)(?![A-Za-z0-9_-])/g,
  },
  {
    name: "gitlab-token",
    title: "a GitLab token",
    hints: ["glpat-"],
    shown: "glpat-",
    severity: "high",
    pattern: /(?<![A-Za-z0-9_-])(?<value>glpat-[A-Za-z0-9_-]{20})(?![A-Za-z0-9_-])/g,
  },
  {
    name: "sendgrid-key",
    title: "a SendGrid key",
    hints: ["sg."],
    shown: "SG.",
    severity: "high",
    pattern: /(?<![A-Za-z0-9_.-])(?<value>SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])/g,
  },
  {
    name: "hugging-face-token",
    title: "a Hugging Face token",
    hints: ["hf_"],
    shown: "hf_",
    severity: "high",
    pattern: new RegExp(`(?<![${word}_])(?<value>hf_[A-Za-z]{34})(?![${word}_])`, "g"),
  },
  {
    name: "json-web-token",
    madeUpInTests: true,
    title: "a JSON Web Token",
    hints: ["eyj"],
    shown: "eyJ",
    severity: "medium",
    pattern:
      /(?<![A-Za-z0-9_.-])(?<value>eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,700})(?![A-Za-z0-9_-])/g,
  },
  {
    name: "url-password",
    madeUpInTests: true,
    title: "a password inside a URL",
    hints: ["://"],
    shown: "",
    severity: "medium",
    pattern:
      /\b(?<key>[a-z][a-z0-9+]{1,20}:\/\/)[^\s:@/'"`<>{}$%]{1,64}:(?<value>[^\s:@/'"`<>{}$%*[\]]{6,100})@(?!127\.|0\.0\.0\.0|10\.|192\.168\.|localhost|example\.|host\.docker|[a-z0-9.-]*\.(?:local|internal|test|example|localhost)\b)(?=[A-Za-z0-9-]+\.[A-Za-z0-9.-]+)/g,
  },
  {
    name: "assigned-secret",
    madeUpInTests: true,
    title: "a secret in an assignment",
    hints: ["secret", "token", "passw", "api_key", "apikey", "api-key", "access_key", "private_key"],
    shown: "",
    severity: "medium",
    pattern:
      /(?<![A-Za-z0-9])["']?(?<key>[A-Za-z0-9_.-]{0,40}(?:secret|token|passwd|password|api[_-]?key|access[_-]?key|private[_-]?key)(?![A-Za-z0-9_-]{0,30}(?:id|ids|name|type|url|uri|path|file|header|field|prefix|param|label|title|key_?name|endpoint|regex|pattern|schema|hint|message|placeholder)["']?\s{0,4}[:=])[A-Za-z0-9_-]{0,20})["']?\s{0,4}(?::|=|:=|=>)\s{0,4}["'`](?<value>[^\s"'`<>{}$\\]{16,200})["'`]/gi,
  },
];

export interface Candidate {
  readonly rule: SecretRule;
  readonly key: string;
  readonly value: string;
  readonly start: number;
}

const candidatesMax = 500;

/** All candidates of a text in order; where two rules meet, the more specific one (listed first) wins. */
export function findCandidates(text: string): Candidate[] {
  // A file with more is a list of samples, and comparing all with all would take minutes.
  const lower = text.toLowerCase();
  const found: Candidate[] = [];
  for (const rule of secretRules) {
    if (!rule.hints.some((hint) => lower.includes(hint))) continue;
    for (const match of text.matchAll(rule.pattern)) {
      if (found.length >= candidatesMax) break;
      const value = match.groups?.["value"] ?? "";
      const start = match.index + match[0].lastIndexOf(value);
      const overlaps = found.some((other) => start < other.start + other.value.length && other.start < start + value.length);
      if (!overlaps) found.push({ rule, key: match.groups?.["key"] ?? "", value, start });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** Replaces whatever looks like a secret: for text that is quoted as evidence. */
export function redact(text: string): string {
  let result = text;
  for (const { value } of findCandidates(text).toReversed()) result = result.replaceAll(value, "[redacted]");
  return result;
}
