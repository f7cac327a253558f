import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeOrchestrator, runView } from "../../test/cli/fake-api.ts";
import { serveControlSocket } from "./control-socket.ts";
import { findControlSocket } from "./find-socket.ts";
import { remoteApi } from "../client/remote/api.ts";
import { socketTransport } from "./socket-transport.ts";
import { elsewhere } from "./socket-path.ts";

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function serve(database: string, fake = fakeOrchestrator()) {
  const control = await serveControlSocket(fake.api, { database });
  const transport = socketTransport(control.path);
  const api = remoteApi(transport);
  onTestFinished(async () => {
    api.close();
    transport.close();
    await control.close();
  });
  return { control, api, fake };
}

/** A socket file whose process died: a child binds it and is killed. */
function leaveStaleSocket(path: string): void {
  const code = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", code]);
  expect(lstatSync(path).isSocket()).toBe(true);
}

describe("the control socket", () => {
  it("lies beside the database, for its user only, and is gone after close", async () => {
    const database = join(tempDir(), "a.db");
    const { control } = await serve(database);
    expect(control.path).toBe(`${database}.sock`);
    expect(statSync(control.path).mode & 0o777).toBe(0o600);
    expect(await findControlSocket(database)).toBe(control.path);
    await control.close();
    await control.close();
    expect(existsSync(control.path)).toBe(false);
    expect(await findControlSocket(database)).toBeUndefined();
  });

  it("replaces what a dead process left", async () => {
    const database = join(tempDir(), "a.db");
    leaveStaleSocket(`${database}.sock`);
    expect(await findControlSocket(database)).toBeUndefined();
    const { api } = await serve(database);
    expect(await api.workers()).toEqual([]);
  });

  it("never replaces a live one", async () => {
    const database = join(tempDir(), "a.db");
    const { api } = await serve(database);
    await expect(serveControlSocket(fakeOrchestrator().api, { database })).rejects.toMatchObject({
      code: "FLOTILLA_STORE_LOCKED",
    });
    expect(await api.workers()).toEqual([]);
  });

  it("leaves alone what is not a socket", async () => {
    const database = join(tempDir(), "a.db");
    writeFileSync(`${database}.sock`, "mine");
    await expect(serveControlSocket(fakeOrchestrator().api, { database })).rejects.toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
    });
    expect(readFileSync(`${database}.sock`, "utf8")).toBe("mine");
  });

  it("goes elsewhere when the path is too long for a socket, and is found by its pointer", async () => {
    const dir = join(tempDir(), "deep".repeat(30));
    mkdirSync(dir);
    const database = join(dir, "a.db");
    const { control, api } = await serve(database);
    expect(control.path.length).toBeLessThan(104);
    expect(await findControlSocket(database)).toBe(control.path);
    expect(await api.workers()).toEqual([]);
    await control.close();
    expect(await findControlSocket(database)).toBeUndefined();
    expect(existsSync(`${database}.sock.path`)).toBe(false);
  });

  it("refuses a shared folder that others may enter", async () => {
    const runtime = tempDir();
    const dir = join(tempDir(), "deep".repeat(30));
    mkdirSync(dir);
    const folder = elsewhere(join(dir, "a.db"), { XDG_RUNTIME_DIR: runtime }).folder ?? "";
    symlinkSync(dir, folder);
    const before = process.env["XDG_RUNTIME_DIR"];
    process.env["XDG_RUNTIME_DIR"] = runtime;
    onTestFinished(() => {
      if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
      else process.env["XDG_RUNTIME_DIR"] = before;
    });
    await expect(serveControlSocket(fakeOrchestrator().api, { database: join(dir, "a.db") })).rejects.toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
    });
  });

  it("ends long polls and streams when it closes, and says that nothing is there", async () => {
    const { control, api, fake } = await serve(join(tempDir(), "a.db"));
    fake.putRun(runView());
    const stream = async () => {
      for await (const _ of api.events(runView().id, {}));
    };
    const ended = Promise.allSettled([api.outcome(runView().id), stream()]);
    await fake.readerCame();
    await control.close();
    const unreachable = { status: "rejected", reason: { code: "FLOTILLA_UNREACHABLE" } };
    expect(await ended).toMatchObject([unreachable, unreachable]);
  });
});

describe("a client", () => {
  it("is told when no process is there", async () => {
    const api = remoteApi(socketTransport(join(tempDir(), "none.sock")));
    await expect(api.health()).rejects.toMatchObject({ code: "FLOTILLA_UNREACHABLE" });
  });

  it("goes on after a connection that broke, from the event after the last one", async () => {
    const path = join(tempDir(), "a.sock");
    const asked: string[] = [];
    const event = (n: number, type: string) =>
      `id: ${n}\nevent: ${type}\ndata: {"type":"${type}","cursor":"${n}","at":"","runId":"r","data":{}}\n\n`;
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    const server = createServer((socket) => {
      socket.once("data", (request) => {
        asked.push(/last-event-id: (\S+)/i.exec(request.toString())?.[1] ?? "none");
        if (asked.length === 1) socket.end(`${head}${event(1, "a")}id: 2\nevent: b\nda`);
        else socket.end(`${head}${event(2, "b")}event: end\ndata: {}\n\n`);
      });
    });
    server.listen(path);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const api = remoteApi(socketTransport(path));
    const seen: string[] = [];
    for await (const e of api.events("r", {})) seen.push(e.type);
    api.close();
    expect([seen, asked]).toEqual([
      ["a", "b"],
      ["none", "1"],
    ]);
  });
});
