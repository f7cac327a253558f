// Started by coldstart.ts as a program of its own: a durable fleet, one task, its result, and out.
import { agent, createFleet } from "flotilla";
import { unchecked } from "../harness/schema.ts";

const hello = agent({ name: "hello", input: unchecked<{ who: string }>(), run: ({ who }) => ({ text: `Hello, ${who}` }) });
const fleet = await createFleet({ definitions: [hello], store: `sqlite:${process.argv[2]}` });
const { text } = await fleet.run(hello, { who: "Ada" });
process.stdout.write(`${text}\n`);
await fleet.close();
