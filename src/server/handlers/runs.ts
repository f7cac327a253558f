import { FlotillaError } from "../../core/error.ts";
import { shortHash } from "../../core/hash.ts";
import { canonicalJson } from "../../core/json.ts";
import type { OutcomeReply, RunsQuery, StartRequest, TasksQuery } from "../../protocol/views.ts";
import { base } from "../base.ts";
import {
  cancelBody,
  checked,
  eventsQuery,
  messageBody,
  outcomeQuery,
  parseBody,
  present,
  runsQuery,
  startBody,
  tasksQuery,
} from "../requests.ts";
import { checkInput } from "../input-check.ts";
import type { Handler } from "../route.ts";

export const startRun: Handler = async ({ api }, call) => {
  const { input = null, ...rest } = checked(startBody, parseBody(await call.body()), "body");
  // Who has no code of the definition cannot know its hash rule; the canonical input is that rule.
  const inputHash = rest.idempotencyKey === undefined ? undefined : (rest.inputHash ?? shortHash(canonicalJson(input)));
  const request = present({ ...rest, inputHash, input: JSON.stringify(input) }) as StartRequest;
  checkInput(await api.definition(request.name), input);
  const [started] = api.start([request]);
  if (started === undefined) throw new FlotillaError("FLOTILLA_CLOSED", { what: "the orchestrator" });
  const reply = await started;
  return { status: reply.existing ? 200 : 201, json: reply, location: `${base}/runs/${reply.id}` };
};

export const listRuns: Handler = async ({ api }, call) => {
  const query = present(checked(runsQuery, call.query, "query")) as RunsQuery;
  return { status: 200, json: await api.runs(query) };
};

export const getRun: Handler = async ({ api }, call) => ({ status: 200, json: await api.run(call.param("id")) });

/** Long poll: the outcome, or 202 when `waitMs` has passed and the run goes on. */
export const getOutcome: Handler = async ({ api, clock }, call) => {
  const { waitMs } = checked(outcomeQuery, call.query, "query");
  const late = new AbortController();
  const tooLate = Promise.withResolvers<"running">();
  const timer = clock.after(waitMs, () => {
    tooLate.resolve("running");
    late.abort();
  });
  try {
    const outcome = await Promise.race([
      api.outcome(call.param("id"), AbortSignal.any([call.signal, late.signal])),
      tooLate.promise,
    ]);
    return outcome === "running" ? { status: 202, json: { status: "running" } } : { status: 200, text: outcomeText(outcome) };
  } finally {
    timer.cancel();
  }
};

/** The stored value is JSON text already: it goes out as it is, unparsed, as it may have many megabytes. */
function outcomeText(o: OutcomeReply): string {
  const gaps = o.gaps ? `,"gaps":${o.gaps}` : "";
  return `{"status":${JSON.stringify(o.status)},"value":${o.value ?? "null"},"error":${JSON.stringify(o.error)}${gaps}}`;
}

export const cancelRun: Handler = async ({ api }, call) => {
  const { reason = "canceled over HTTP" } = checked(cancelBody, parseBody(await call.body()), "body");
  await api.cancel(call.param("id"), reason);
  return { status: 202, json: { id: call.param("id"), canceling: true } };
};

/** To a run, or to any task of one by its id. */
export const sendMessage: Handler = async ({ api }, call) => {
  const { value = null, ...rest } = checked(messageBody, parseBody(await call.body()), "body");
  await api.send(call.param("id"), present({ ...rest, value: JSON.stringify(value) }));
  return { status: 202, json: { id: call.param("id"), message: rest.name, stored: true } };
};

export const queryState: Handler = async ({ api }, call) => ({
  status: 200,
  text: await api.query(call.param("id"), call.param("name")),
});

export const listTasks: Handler = async ({ api }, call) => {
  const query = present(checked(tasksQuery, call.query, "query")) as Omit<TasksQuery, "run">;
  return { status: 200, json: await api.tasks({ run: call.param("id"), ...query }) };
};

export const streamEvents: Handler = async ({ api }, call) => {
  // A reader that comes back names the last event in a header, as browsers do by themselves.
  const { after, types } = checked(eventsQuery, { after: call.lastEventId, ...call.query }, "query");
  // An unknown run is a 404, not a stream that opens and fails.
  await api.run(call.param("id"));
  const options = present({ after, types: types?.split(","), signal: call.signal });
  return { events: api.events(call.param("id"), options) };
};
