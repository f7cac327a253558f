import { probes, routes } from "../../src/server/routes.ts";
import type { Route } from "../../src/server/route.ts";
import { statusOf } from "../../src/server/status.ts";
import { waitMsMax } from "../../src/server/requests.ts";

/** docs/reference/http-api.md */
export function httpApiPage(): string {
  const rows = (list: readonly Route[], base: string) => list.map((r) => row(r, base)).join("\n");
  const statuses = Object.entries(statusOf)
    .toSorted(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    .map(([code, status]) => `| ${status} | [${code}](errors.md#${code.toLowerCase()}) |`)
    .join("\n");
  return `# HTTP API

What \`flotilla orchestrator\` serves, and \`fleet.fetch\` inside a server of yours: JSON over HTTP under \`/api/v1\`, described by an
OpenAPI 3.1 document at \`/api/v1/openapi.json\`. How to serve it: [Serve a fleet](../guides/serve.md). Who may do what:
[Access](access.md). From TypeScript, \`connect()\` speaks it for you.

Each request carries a token, \`Authorization: Bearer flt_...\`, also on the same machine. Bodies and queries are strict: a field that
does not exist is refused with its path. Instants are ISO 8601 texts, spans are milliseconds.

## Routes

| route | least role | |
|---|---|---|
${rows(routes, "/api/v1")}

At the root, and under \`/api/v1\` too:

| route | least role | |
|---|---|---|
${rows(probes, "")}

"every namespace": the access must be to all of them (\`*\`). A route of a namespace is about the caller's own; a caller with access to
every one names it with the header \`Flotilla-Namespace\`, else \`default\` is meant. What lies in another namespace is answered as if it
did not exist.

## Errors

Every refusal has one shape, \`{ code, title, message, where, why, fix, doc, details, retryable }\`: branch on \`code\`. Whatever a
failure is, neither a stack nor a path of the server is told.

| status | code |
|---|---|
${statuses}

A 401 has \`WWW-Authenticate: Bearer\`; a 429 has \`Retry-After\`, in seconds. While the server drains everything is 503
[FLOTILLA_CLOSED](errors.md#flotilla_closed): ask again, where another orchestrator or the next one answers.

## Waiting for the end

\`GET /runs/:id/outcome?waitMs=25000\` answers when the run has ended, or with 202 when \`waitMs\` has passed, ${waitMsMax.toLocaleString("en")} at most: then ask
again.

## Following a run

\`GET /runs/:id/events\` is a stream of server-sent events. Stored events have an \`id\`: a reader that comes back with it in the header
\`Last-Event-ID\`, as browsers do by themselves, or as \`?after=\`, misses none and gets none twice. Live ones have no \`id\` and are
told to whoever listens. \`types=run.finished,custom\` keeps the others away.

- A comment comes every 15 s: a connection that is silent for longer is dead.
- \`event: end\` says that the run is over. A stream that ends without it broke off: come back.
- \`event: failure\` says why nothing more can be told.
- A reader that takes nothing for a minute is cut. Nothing is made ahead of it: stored events wait in the store, of live ones it gets
  the latest 1,000.

## Starting once

\`POST /runs\` with an \`idempotencyKey\` may be sent again: the same key gives the same run, with status 200 and \`existing: true\`. The
same key with another input is refused with [FLOTILLA_IDEMPOTENCY_CONFLICT](errors.md#flotilla_idempotency_conflict). Keys are a
definition's own within a namespace.

## Bounds

A body is 1 MiB of input and 64 KiB around it at most, 200 levels deep; headers are 16 KiB and 100 at most; the rest is on the page
[Limits](limits.md). A client has 10 s for its headers, 60 s for a whole request, and is cut after 120 s of silence. Requests of one
token are capped (\`server.requestsPerMinute\`), and so are refused ones of one address, 60 a minute.
`;
}

function row(route: Route, base: string): string {
  const least = route.least === null ? "no token" : `\`${route.least}\``;
  const scope = route.scope === "fleet" ? ", every namespace" : "";
  return `| \`${route.method} ${base}${route.path}\` | ${least}${scope} | ${route.summary} |`;
}
