import { FlotillaError } from "../../core/error.ts";

type ImportError = Error & { readonly code?: unknown };

const orTsx = "or compile on the fly: node --import tsx (npm install tsx)";

/** What Node refuses, in its words, and what to write instead. A caller with a finer explanation gives its own. */
export function explainImport(error: unknown, file: string): Error {
  const problem = error instanceof Error ? error.message : String(error);
  return new FlotillaError(
    "FLOTILLA_DEFINITION_UNREADABLE",
    { file, problem, fix: fixOf(error as ImportError) },
    { cause: error },
  );
}

function fixOf(error: ImportError): string {
  switch (error.code) {
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return `types are stripped, not compiled: write an enum as a const object, a namespace as a file, a parameter property as a field, ${orTsx}`;
    case "ERR_MODULE_NOT_FOUND":
    case "ERR_UNSUPPORTED_DIR_IMPORT":
      return `Node wants full names: import "./agents.ts" with its extension, and relative paths instead of aliases of tsconfig.json, ${orTsx}`;
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return `keep definitions in .ts or .js files: JSX cannot be stripped, ${orTsx}`;
    default:
      return error instanceof SyntaxError
        ? `correct it; decorators are not stripped, and a type must be imported with import type, ${orTsx}`
        : "the cause below has the stack; a file of definitions should only define";
  }
}
