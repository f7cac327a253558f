import * as z from "zod";
import { begin, fromWorkerFrame, toWorkerFrame } from "../../src/protocol/wire/frames.ts";
import {
  act,
  assignment,
  attemptResult,
  card,
  delivery,
  error,
  fence,
  fromWorker,
  hello,
  inventory,
  journalEntry,
  settle,
  toWorker,
} from "../../src/protocol/wire/messages.ts";

const named = {
  FrameFromWorker: fromWorkerFrame,
  FrameToWorker: toWorkerFrame,
  Begin: begin,
  MessageFromWorker: fromWorker,
  MessageToWorker: toWorker,
  Hello: hello,
  Definition: card,
  Inventory: inventory,
  Assignment: assignment,
  JournalEntry: journalEntry,
  Delivery: delivery,
  Act: act,
  Settle: settle,
  AttemptResult: attemptResult,
  Error: error,
  Fence: fence,
};

/** docs/reference/worker-protocol.schema.json: what an orchestrator accepts, and what a worker may get. */
export function protocolSchema(): string {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: (id) => `#/$defs/${id}` });
  const $defs = Object.fromEntries(
    Object.keys(named).map((id) => {
      const { $schema: _, $id: __, ...rest } = schemas[id] as Record<string, unknown>;
      return [id, rest];
    }),
  );
  const page = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The worker protocol of Flotilla, flotilla.v1",
    description:
      "Written by `npm run docs` from the schemas that the orchestrator checks with. A frame of a worker is a FrameFromWorker, one of an orchestrator a FrameToWorker. Fields that are not named here are ignored.",
    oneOf: [{ $ref: "#/$defs/FrameFromWorker" }, { $ref: "#/$defs/FrameToWorker" }],
    $defs,
  };
  return `${JSON.stringify(page, null, 2)}\n`;
}
