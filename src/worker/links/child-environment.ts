// What a child inherits. Its environment is an allow-list: an agent's code must not find the secrets of the process
// that hosts the fleet by looking around.

/** What programs need to find themselves, their language, their time zone and their certificates. */
const always = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "TMPDIR",
  "TEMP",
  "TMP",
  "TZ",
  "LANG",
  "NODE_ENV",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SYSTEMROOT",
  "COMSPEC",
  "PATHEXT",
  "APPDATA",
  "LOCALAPPDATA",
  "NO_COLOR",
  "FORCE_COLOR",
]);

export function childEnvironment(
  from: NodeJS.ProcessEnv,
  pass: readonly string[],
  extra: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && (always.has(name) || name.startsWith("LC_") || pass.includes(name))) env[name] = value;
  }
  const options = from["NODE_OPTIONS"] === undefined ? "" : childFlags(from["NODE_OPTIONS"].split(/\s+/)).join(" ");
  if (options !== "") env["NODE_OPTIONS"] = options;
  return { ...env, ...extra };
}

/** Flags with a value in the next argument. */
const withValue =
  /^(--(import|require|loader|experimental-loader|conditions|env-file|eval|print|test-reporter|watch-path|inspect-port|debug-port)|-[rCpe]|-pe)$/;
/** They concern the parent alone: a second inspector has no port, a watcher restarts on its own, code given by -e is not a module. */
const parentOnly =
  /^(--inspect|--debug|--watch|--test|--eval|--print|--check|--interactive|--prof|--cpu-prof|--heap-prof|-[peic]$|-pe$)/;

/** The flags of Node that a child needs too: loaders such as `--import tsx`, conditions, memory, warnings. */
export function childFlags(flags: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] as string;
    const value = withValue.test(flag) && i + 1 < flags.length ? [flags[++i] as string] : [];
    if (flag !== "" && !parentOnly.test(flag)) kept.push(flag, ...value);
  }
  return kept;
}
