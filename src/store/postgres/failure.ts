import { FlotillaError } from "../../core/error.ts";

/** Raised by our own functions in the database: the life that writes has ended. */
export const lifeOver = "FL001";
/** Raised by them too: the connection of this transaction was given up, and what it wrote counts for nothing. */
export const givenUp = "FL002";

const unusable: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  "28000": ["it refuses this user", "check the user and the host rules (pg_hba.conf)"],
  "28P01": ["it refuses this password", "check the password in the URL"],
  "3D000": ["there is no such database", "create it, or name another one in the URL"],
  "42501": [
    "this user may not do that",
    "for the first start: GRANT CREATE ON DATABASE ... TO ...; afterwards it needs the rights on the schema and its tables: docs/guides/postgres.md",
  ],
  "42P01": ["its tables are gone", "start again: the tables are created when a store is opened"],
  "3F000": ["its schema is gone", "start again: the schema is created when a store is opened"],
  XX001: ["it is damaged", "restore a backup"],
  XX002: ["an index is damaged", "REINDEX the database, or restore a backup"],
};

/** Codes and their classes after which the same call may do: the server is not there, is going, or is not the one to write to. */
const passing = /^(08|57P0|53[23]|25006|25P03|25P04|40001|40P01|55P03|58000|58030)/;

/** What Node says of a connection that could not be made, or is gone. */
const lost = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ECONNABORTED",
]);
/** What pg says of it; it has no codes of its own. */
const lostMessage =
  /^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/;

interface Thrown {
  readonly code?: string;
  readonly severity?: string;
  readonly message?: string;
  readonly detail?: string;
}

/** The connection is gone: whether what was under way was done, only the database knows. */
export function isLost(e: unknown): boolean {
  const { code = "", severity, message = "" } = e as Thrown;
  return severity === "FATAL" || severity === "PANIC" || lost.has(code) || lostMessage.test(message);
}

/** Two waited for each other, which the order of our locks rules out: worth a second try, and a look. */
export function isConflict(e: unknown): boolean {
  const { code } = e as Thrown;
  return code === "40001" || code === "40P01";
}

/** What pg and Node say when server and URL do not agree on TLS. It is not there later either. */
function tlsProblem({ code = "", message = "" }: Thrown): { problem: string; fix: string } | undefined {
  if (/does not support SSL connections/.test(message))
    return {
      problem: "it speaks no TLS, and the URL asks for it",
      fix: "switch TLS on at the server (ssl = on), or, on a network that you trust, sslmode=disable in the URL",
    };
  if (/^(ERR_TLS_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/.test(code))
    return {
      problem: `its certificate is refused: ${message}`,
      fix: "name its authority in the URL: sslrootcert=FILE; and the host as the certificate does",
    };
  return undefined;
}

/** What PostgreSQL or the way to it threw, in our words; anything else as it is. */
export function storeFailure(e: unknown, path: string): unknown {
  if (e instanceof FlotillaError) return e;
  const { code = "", message = "", detail } = e as Thrown;
  if (code === lifeOver) return new FlotillaError("FLOTILLA_LIFE_OVER", { boot: Number(detail) }, { cause: e });
  if (code === "53100") return new FlotillaError("FLOTILLA_STORE_FULL", { path }, { cause: e });
  const known = unusable[code];
  if (known) return new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path, problem: known[0], fix: known[1] }, { cause: e });
  if (/unsupported startup parameter/.test(message)) {
    const fix = "the URL names a pooler: add pooler=transaction to it";
    return new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path, problem: message, fix }, { cause: e });
  }
  const tls = tlsProblem(e as Thrown);
  if (tls) return new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path, ...tls }, { cause: e });
  if (passing.test(code) || code === givenUp || isLost(e))
    return new FlotillaError("FLOTILLA_STORE_UNREACHABLE", { path, problem: message || code }, { cause: e });
  return e;
}
