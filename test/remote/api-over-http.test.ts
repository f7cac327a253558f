import { remoteApi } from "../../src/client/remote/api.ts";
import { remoteDeps } from "../../src/client/remote/deps.ts";
import { fetchTransport } from "../../src/client/remote/fetch-transport.ts";
import type { Patience } from "../../src/client/remote/repeat.ts";
import { exerciseApi } from "../cli/exercise-api.ts";
import { serveHttp } from "./serve.ts";

const patiences: readonly (readonly [string, Patience])[] = [
  ["over HTTP", { callMs: 0, waitMs: 0, replyMs: 30_000 }],
  ["over HTTP, tried again", { callMs: 30_000, waitMs: Infinity, replyMs: 30_000 }],
];

for (const [carrier, patience] of patiences) {
  exerciseApi(carrier, async (fake) => {
    const served = await serveHttp(fake.api);
    const api = remoteApi(fetchTransport(served.url, {}, fetch), patience, remoteDeps);
    return {
      api,
      async [Symbol.asyncDispose]() {
        api.close();
        await served[Symbol.asyncDispose]();
      },
    };
  });
}
