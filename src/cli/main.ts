import { CommanderError } from "commander";
import type { Command } from "commander";
import { version } from "../core/version.ts";
import type { Action, Bind } from "./command.ts";
import { createContext, printThrown } from "./context.ts";
import type { Globals } from "./context.ts";
import { exitCodeOfError, exitCodes } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { createProgram } from "./program.ts";
import { UsageError } from "./usage-error.ts";
import { fromCommander } from "./from-commander.ts";

/** Runs one command line (without node and the script). Never throws and never exits: the code is the answer. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  let globals = guessGlobals(argv);
  const bind: Bind =
    <O>(action: Action<O>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      globals = command.optsWithGlobals<Globals>();
      if (globals.output === "md" && !isList(command))
        throw new UsageError("Only lists are printed as Markdown", {
          why: `${command.name()} prints no list`,
          fix: ["take another form: -o table, -o json"],
        });
      code = await action(createContext(io, globals), command.opts() as O, command.args);
    };
  const program = createProgram(bind, version);
  forEachCommand(program, (command) => quieten(command, io));
  try {
    await program.parseAsync(argv.length === 0 ? ["--help"] : argv, { from: "user" });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCodes.ok;
    const error = thrown instanceof CommanderError ? fromCommander(thrown, program, argv) : thrown;
    if (error === undefined) return exitCodes.usage;
    printThrown(createContext(io, globals), error);
    return exitCodeOfError(error);
  }
}

/** `ls` lists, and so does `explain` without a code. */
function isList(command: Command): boolean {
  return (
    command.name() === "ls" || (command.name() === "explain" && command.args.length === 0 && command.parent?.parent === null)
  );
}

function forEachCommand(command: Command, fn: (command: Command) => void): void {
  fn(command);
  for (const sub of command.commands) forEachCommand(sub, fn);
}

/** Commander neither prints errors nor exits: both are done here, in our shape. Help is data when it was asked for. */
function quieten(command: Command, io: Io): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    outputError: () => {},
    getOutHelpWidth: () => helpWidth(io),
    getErrHelpWidth: () => helpWidth(io),
  });
  command.configureHelp({ showGlobalOptions: true });
  command.helpCommand(false);
}

function helpWidth(io: Io): number {
  return Math.min(100, io.stdout.columns);
}

/** For errors that come before the options are parsed. */
function guessGlobals(argv: readonly string[]): Globals {
  const json = argv.some(
    (word, i) =>
      /^(?:-o|--output=)(?:nd)?json$/.test(word) ||
      (/^(?:nd)?json$/.test(word) && ["-o", "--output"].includes(argv[i - 1] ?? "")),
  );
  return {
    store: undefined,
    url: undefined,
    token: undefined,
    config: undefined,
    output: json ? "json" : "table",
    color: !argv.includes("--no-color"),
    quiet: false,
  };
}
