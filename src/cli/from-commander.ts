// Commander's messages in our shape.
import type { Command, CommanderError } from "commander";
import { UsageError } from "./usage-error.ts";

/** undefined when commander has printed help already, as for `flotilla runs`. */
export function fromCommander(error: CommanderError, program: Command, argv: readonly string[]): UsageError | undefined {
  if (error.code === "commander.help") return undefined;
  const [, message = error.message, near] =
    /^(?:error: )?(.*?)\s*(?:\((?:Did you mean )?(?:one of )?(.*?)\?\))?$/s.exec(error.message) ?? [];
  const path = commandPath(program, argv);
  const names = near === undefined ? [] : [`did you mean ${near.replace(/, (?=[^,]*$)/, " or ")}?`];
  const value = /^option '(--[\w-]+).*?' argument '(.*?)' is invalid\. (.*)$/s.exec(message);
  if (value)
    return new UsageError(`${JSON.stringify(value[2])} is no value for ${value[1]}`, {
      why: sentence(value[3] ?? ""),
      more: `${path} --help`,
    });
  const title = sentence(message);
  if (error.code === "commander.unknownCommand") {
    const known = commandAt(program, argv).commands.map((c) => c.name());
    return new UsageError(title, { why: `${path} has: ${known.join(", ")}`, fix: names, more: `${path} --help` });
  }
  return new UsageError(title, { fix: names, more: `${path} --help` });
}

function sentence(message: string): string {
  const text = message.replaceAll("'", '"').trim();
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
}

/** The deepest command that the words name. */
function commandAt(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((c) => c.name() === word || c.aliases().includes(word));
    if (next) command = next;
    else if (!word.startsWith("-")) break;
  }
  return command;
}

function commandPath(program: Command, argv: readonly string[]): string {
  const names: string[] = [];
  for (let command: Command | null = commandAt(program, argv); command !== null; command = command.parent)
    names.unshift(command.name());
  return names.join(" ");
}
