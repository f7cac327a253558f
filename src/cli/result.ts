// What a run's output may tell the command line, by name, at its top or under `report`. All optional; any other output
// is just printed.
//   gate      { passed, breaches: [{ message }] }   not passed: exit code 3
//   headline  one sentence for the summary
//   paths     { html: "...", ... }                  files that were written
import type { OutcomeReply } from "../protocol/views.ts";

export function valueOf(outcome: OutcomeReply): unknown {
  return outcome.value === null ? null : (JSON.parse(outcome.value) as unknown);
}

export function gateOf(value: unknown): { readonly passed: boolean; readonly breaches: readonly string[] } {
  const gate = told(value, "gate");
  if (field(gate, "passed") !== false) return { passed: true, breaches: [] };
  const breaches = field(gate, "breaches");
  return { passed: false, breaches: Array.isArray(breaches) ? breaches.map(messageOf) : [] };
}

export function headlineOf(value: unknown): string {
  const headline = told(value, "headline");
  return typeof headline === "string" ? (headline.split("\n")[0]?.trim() ?? "") : "";
}

export function reportsOf(value: unknown): readonly (readonly [string, string])[] {
  const paths = told(value, "paths");
  if (typeof paths !== "object" || Array.isArray(paths)) return [];
  return Object.entries(paths).flatMap(([kind, path]) => (typeof path === "string" ? [[kind, path] as const] : []));
}

function told(value: unknown, name: string): ReturnType<typeof field> {
  return field(value, name) ?? field(field(value, "report"), name);
}

function messageOf(breach: unknown): string {
  if (typeof breach === "string") return breach;
  const message = field(breach, "message");
  return typeof message === "string" ? message : JSON.stringify(breach);
}

function field(value: unknown, name: string): object | string | boolean | undefined {
  return typeof value === "object" && value !== null
    ? (((value as Record<string, unknown>)[name] as object | undefined) ?? undefined)
    : undefined;
}
