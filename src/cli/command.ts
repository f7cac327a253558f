// How a command file is built: options in, exit code out.
import type { Command } from "commander";
import type { Context } from "./context.ts";
import type { ExitCode } from "./exit-code.ts";

/** What a command does: checked words and options in, exit code out. */
export type Action<O> = (c: Context, options: O, args: readonly string[]) => Promise<ExitCode>;

/** Binds an action to the process that commander knows nothing of. */
export type Bind = <O>(action: Action<O>) => (...args: unknown[]) => Promise<void>;

/** Makes one command; one file each under commands/. */
export type MakeCommand = (bind: Bind) => Command;
