import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exerciseApi } from "../../test/cli/exercise-api.ts";
import { serveControlSocket } from "./control-socket.ts";
import { remoteApi } from "../client/remote/api.ts";
import { socketTransport } from "./socket-transport.ts";

exerciseApi("in process", async (fake) => ({ api: fake.api, [Symbol.asyncDispose]: async () => {} }));

exerciseApi("through the control socket", async (fake) => {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-"));
  const control = await serveControlSocket(fake.api, { database: join(dir, "a.db") });
  const transport = socketTransport(control.path);
  const api = remoteApi(transport);
  return {
    api,
    async [Symbol.asyncDispose]() {
      api.close();
      transport.close();
      await control.close();
      rmSync(dir, { recursive: true });
    },
  };
});
