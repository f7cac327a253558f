/** One thing that was looked at. `fix` says what to do unless it is ok. */
export interface Check {
  readonly check: string;
  readonly status: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly fix: readonly string[];
}

export const ok = (check: string, detail: string): Check => ({ check, status: "ok", detail, fix: [] });
export const warn = (check: string, detail: string, ...fix: string[]): Check => ({ check, status: "warn", detail, fix });
export const fail = (check: string, detail: string, ...fix: string[]): Check => ({ check, status: "fail", detail, fix });

/** An error of ours as a check that failed. */
export function failed(check: string, thrown: unknown): Check {
  const { why, message, fix } = thrown as { why?: string; message?: string; fix?: readonly string[] };
  return { check, status: "fail", detail: why || message || String(thrown), fix: fix ?? [] };
}
