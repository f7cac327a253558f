import { Inserter, type Statements } from "./statements.ts";

/** The tables that grow by many rows a batch. */
export interface Tables {
  readonly task: Inserter;
  readonly ready: Inserter;
  readonly delayed: Inserter;
  readonly running: Inserter;
  readonly outcome: Inserter;
  readonly attempt: Inserter;
  readonly step: Inserter;
  readonly wait: Inserter;
  readonly emit: Inserter;
  readonly event: Inserter;
}

export function openTables(sql: Statements): Tables {
  const table = (name: string, columns: string) => new Inserter(sql, name, columns.split(" "));
  return {
    task: table(
      "task",
      "id namespace run parent act key input_hash asked_after secret path definition lane prio pass tenant depth detached input options created_at",
    ),
    ready: table("ready", "lane prio pass task lease_no attempt crashes alone since"),
    delayed: table("delayed", "due_at task lane prio pass lease_no attempt crashes alone"),
    running: table("running", "task lease_no top orchestrator worker attempt crashes alone claimed_at"),
    outcome: table(
      "outcome",
      "task lease_no status attempt worker seq started_at finished_at value ref error micro_usd input_tokens output_tokens gaps",
    ),
    attempt: table("attempt", "task lease_no attempt worker started_at ended_at how error micro_usd input_tokens output_tokens"),
    step: table("step", "task act key asked_after lease_no begun_at"),
    wait: table("wait", "task act kind key input_hash asked_after name detail begun_at due_at"),
    emit: table("emit", "task act key asked_after name value at"),
    event: table("event", "run cursor type task act"),
  };
}
