#!/usr/bin/env node
// Checks the version of Node before anything is imported that an older one cannot read.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `Flotilla needs Node 22.18 or newer\n  why   this is Node ${process.versions.node}: it has no node:sqlite, and does not run TypeScript\n  fix   install a current Node: https://nodejs.org\n`,
  );
  process.exit(2);
}

// node:sqlite works and is stable enough for us; its warning would stand in every output.
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") process.stderr.write(`${warning.name}: ${warning.message}\n`);
});
// `flotilla runs ls | head` closes the pipe: that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

// A fleet goes on when nobody reads its progress any more.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const [{ main }, { processIo }] = await Promise.all([import("./main.ts"), import("./process-io.ts")]);
// Timers of the house let the process go; while a command works, something must keep it.
const hold = setInterval(() => {}, 2 ** 30);
const code = await main(process.argv.slice(2), processIo());
clearInterval(hold);
// Timers and sockets that user code left open must not keep us; what is still on its way into a pipe must.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
