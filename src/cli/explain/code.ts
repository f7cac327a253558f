import { catalogue } from "../../core/error-catalogue.ts";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import { FlotillaError } from "../../core/error.ts";
import { exitCodeOfError } from "../exit-code.ts";
import { examples } from "./examples.ts";

export interface ExplainedCode {
  readonly code: string;
  readonly kind: "error";
  readonly title: string;
  readonly why: string;
  readonly fix: readonly string[];
  readonly retryable: boolean;
  readonly exitCode: number;
  readonly doc: string;
}

/** What the catalogue says, on example facts; undefined for a code that it does not have. */
export function explainCode(code: string): ExplainedCode | undefined {
  if (!Object.hasOwn(catalogue, code)) return undefined;
  const error = new FlotillaError(code as ErrorCode, examples[code as ErrorCode]);
  const { title, why, fix, retryable, doc } = error;
  return { code, kind: "error", title, why, fix, retryable, exitCode: exitCodeOfError(error), doc };
}
