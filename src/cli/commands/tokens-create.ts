import { Command, Option } from "commander";
import { roles, type Role } from "../../core/role.ts";
import type { MakeCommand } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { openFleetOf } from "../open-api.ts";
import { spanOption } from "../options.ts";

interface Options {
  readonly role: Role;
  readonly namespace?: string;
  readonly expiresIn?: number;
}

export const tokensCreate: MakeCommand = (bind) =>
  new Command("create")
    .description("make a token for the HTTP API; it is printed this once")
    .argument("<name>", "what it is for, for people")
    .addOption(new Option("--role <role>", "what it may do").choices(roles).makeOptionMandatory())
    .option("--namespace <name>", "where it may do it, made when it does not exist; '*' for every one (default: default)")
    .addOption(spanOption("--expires-in <span>", "how long it counts, such as 30d (default: until it is revoked)"))
    .addHelpText(
      "after",
      `
Examples:
  flotilla tokens create ci --role submitter --expires-in 90d
  flotilla tokens create board --role viewer --namespace '*' -o json
`,
    )
    .action(
      bind<Options>(async (c, { role, namespace, expiresIn }, [name = ""]) => {
        await using opened = await openFleetOf(c, ["start the fleet that it is for: flotilla orchestrator"]);
        const expiresAt = expiresIn === undefined ? {} : { expiresAt: new Date(c.io.clock.now() + expiresIn).toISOString() };
        const made = await opened.api.tokens.create({
          name,
          role,
          ...(namespace === undefined ? {} : { namespace }),
          ...expiresAt,
        });
        if (c.asJson) {
          c.out.json(made);
          return exitCodes.ok;
        }
        const until = made.expiresAt === null ? "" : ` until ${made.expiresAt}`;
        c.err.line(`${c.err.theme.glyphs.ok} ${made.id} is a ${made.role} of ${made.namespace}${until}; it is shown this once:`);
        // Alone on stdout, so that a script can take it.
        c.out.line(made.token);
        return exitCodes.ok;
      }),
    );
