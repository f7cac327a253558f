import { Command, Option } from "commander";
import type { Bind, MakeCommand } from "./command.ts";
import { approvalsApprove } from "./commands/approvals-approve.ts";
import { approvalsLs } from "./commands/approvals-ls.ts";
import { approvalsReject } from "./commands/approvals-reject.ts";
import { approvalsShow } from "./commands/approvals-show.ts";
import { dbBackup } from "./commands/db-backup.ts";
import { dbCheck } from "./commands/db-check.ts";
import { dbMigrate } from "./commands/db-migrate.ts";
import { dbPurge } from "./commands/db-purge.ts";
import { dbRestore } from "./commands/db-restore.ts";
import { dbResume } from "./commands/db-resume.ts";
import { dbStatus } from "./commands/db-status.ts";
import { outputFormats } from "./context.ts";
import { doctor } from "./commands/doctor.ts";
import { explain } from "./commands/explain.ts";
import { orchestrator } from "./commands/orchestrator.ts";
import { run } from "./commands/run.ts";
import { runsCancel } from "./commands/runs-cancel.ts";
import { runsGet } from "./commands/runs-get.ts";
import { runsLs } from "./commands/runs-ls.ts";
import { runsQuery } from "./commands/runs-query.ts";
import { runsRepair } from "./commands/runs-repair.ts";
import { runsSend } from "./commands/runs-send.ts";
import { runsWatch } from "./commands/runs-watch.ts";
import { schedulesGet } from "./commands/schedules-get.ts";
import { schedulesLs } from "./commands/schedules-ls.ts";
import { schedulesPause, schedulesResume } from "./commands/schedules-change.ts";
import { schedulesRm } from "./commands/schedules-rm.ts";
import { schedulesTrigger } from "./commands/schedules-trigger.ts";
import { tasksExplain } from "./commands/tasks-explain.ts";
import { tasksFork } from "./commands/tasks-fork.ts";
import { tasksGet } from "./commands/tasks-get.ts";
import { tasksLs } from "./commands/tasks-ls.ts";
import { tasksRedrive } from "./commands/tasks-redrive.ts";
import { tokensCreate } from "./commands/tokens-create.ts";
import { tokensLs } from "./commands/tokens-ls.ts";
import { tokensRevoke } from "./commands/tokens-revoke.ts";
import { up } from "./commands/up.ts";
import { webhooksLs } from "./commands/webhooks-ls.ts";
import { webhooksRetry } from "./commands/webhooks-retry.ts";
import { worker } from "./commands/worker.ts";
import { workersDrain, workersResume } from "./commands/workers-drain.ts";
import { workersLs } from "./commands/workers-ls.ts";
import { defaultStore } from "./store-place.ts";

/** All commands. `bind` gives their actions a process; without one it still prints help. */
export function createProgram(bind: Bind, version: string): Command {
  const group = (name: string, description: string, made: readonly MakeCommand[]): Command =>
    made.reduce((parent, make) => parent.addCommand(make(bind)), new Command(name).description(description));

  return new Command("flotilla")
    .description("Durable orchestrator and workers for agents and workflows.")
    .version(version, "-V, --version", "print the version")
    .addOption(new Option("--store <url>", `the database (default: FLOTILLA_STORE, the config's, or ${defaultStore})`))
    .addOption(new Option("--url <url>", "a fleet elsewhere, instead of a database here (default: FLOTILLA_URL, when it is set)"))
    .addOption(new Option("--token <token>", "for that fleet (default: FLOTILLA_TOKEN, which other users cannot see)"))
    .addOption(
      new Option("--config <file>", 'where the definitions are (default: flotilla.config.ts, or package.json\'s "flotilla")'),
    )
    .addOption(new Option("-o, --output <format>", "what stdout gets").choices(outputFormats).default("table"))
    .addOption(new Option("-q, --quiet", "no progress and no hints on stderr").default(false))
    .addOption(new Option("--no-color", "no colours, as with NO_COLOR=1"))
    .commandsGroup("Work:")
    .addCommand(up(bind))
    .addCommand(run(bind))
    .addCommand(worker(bind))
    .addCommand(orchestrator(bind))
    .commandsGroup("Look:")
    .addCommand(
      group("runs", "list, show, follow and cancel runs; send to them, ask them, repair them", [
        runsLs,
        runsGet,
        runsWatch,
        runsCancel,
        runsSend,
        runsQuery,
        runsRepair,
      ]),
    )
    .addCommand(
      group("tasks", "list and show tasks, say why one is not running, run one again", [
        tasksLs,
        tasksGet,
        tasksExplain,
        tasksFork,
        tasksRedrive,
      ]),
    )
    .addCommand(
      group("approvals", "list, show and answer what workflows ask of people", [
        approvalsLs,
        approvalsShow,
        approvalsApprove,
        approvalsReject,
      ]),
    )
    .addCommand(
      group("schedules", "list and show schedules, stop them for a while, start one now", [
        schedulesLs,
        schedulesGet,
        schedulesPause,
        schedulesResume,
        schedulesRm,
        schedulesTrigger,
      ]),
    )
    .addCommand(group("webhooks", "list what webhooks are not told yet, and tell them again", [webhooksLs, webhooksRetry]))
    .addCommand(group("tokens", "say who may use the HTTP API", [tokensCreate, tokensLs, tokensRevoke]))
    .addCommand(group("workers", "list the live workers, let some of them leave", [workersLs, workersDrain, workersResume]))
    .commandsGroup("Keep:")
    .addCommand(
      group("db", "look at the store, copy it, check it, delete from it", [
        dbStatus,
        dbMigrate,
        dbBackup,
        dbRestore,
        dbResume,
        dbCheck,
        dbPurge,
      ]),
    )
    .commandsGroup("Help:")
    .addCommand(doctor(bind))
    .addCommand(explain(bind))
    .addHelpText("after", exits);
}

const exits = `
Data goes to stdout, progress and errors to stderr. Ids may be cut to their first letters.
Exit codes: 0 ok, 1 the run failed, 2 usage, 3 the run's gate is not passed or db check found something,
            4 no store or no fleet, 5 partial, 130 interrupted.

Start here:
  flotilla up                                   a fleet from ./flotilla.config.ts
  flotilla run NAME --input key=value           in another terminal
  flotilla up --run NAME --input key=value      both at once
`;
