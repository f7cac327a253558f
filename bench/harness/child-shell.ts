// The other side of child.ts: loads the module that it is named, does the work once, tells the result.
const module = (await import(process.argv[2] as string)) as { work(args: unknown): Promise<unknown> };

process.once("message", (args) => {
  module.work(args).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
