// Runs one piece of work in a process of its own: memory, garbage and compiled code of one measure never reach the next.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const shell = fileURLToPath(new URL("child-shell.ts", import.meta.url));
const limitMs = 600_000;

/** Calls `work` of the module with `args` in a fresh process. @throws what the work threw. */
export async function inChild<R>(module: URL, args: object): Promise<R> {
  const child = fork(shell, [module.href], { execArgv: ["--expose-gc"], stdio: ["ignore", 2, 2, "ipc"] });
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(new Error(`${module.pathname} took more than ${limitMs / 1000} s`));
  }, limitMs);
  child.once("message", (reply: { value?: R; error?: string }) => {
    if (reply.error === undefined) resolve(reply.value as R);
    else reject(new Error(reply.error));
  });
  child.once("exit", (code, signal) =>
    reject(new Error(`${module.pathname} ended with ${code ?? signal} before it had a result`)),
  );
  child.send(args);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}
