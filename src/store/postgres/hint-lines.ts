// The two connections that hints travel on: one that only speaks, and one that only listens.
import pg from "pg";
import { channelOf } from "./hints.ts";
import type { NotifyLine } from "./notifier.ts";
import type { Settings } from "./settings.ts";

/** Of a hint: then the connection is taken for gone. */
const sendMs = 5_000;
const connectMs = 10_000;

/** Each hint is a transaction of its own, so that a pooler may stand between. */
export async function openNotifyLine(s: Settings): Promise<NotifyLine> {
  const channel = channelOf(s.schema);
  const client = new pg.Client({
    connectionString: s.url,
    keepAlive: true,
    connectionTimeoutMillis: connectMs,
    query_timeout: sendMs,
    application_name: "flotilla notify",
  });
  // The next send fails, and opens another.
  client.on("error", () => {});
  await client.connect();
  return {
    async send(payload) {
      await client.query("SELECT pg_notify($1, $2)", [channel, payload]);
    },
    close: () => client.end(),
  };
}

/** Not connected yet. */
export function listenClient(s: Settings): pg.Client {
  return new pg.Client({
    connectionString: s.directUrl,
    keepAlive: true,
    connectionTimeoutMillis: connectMs,
    application_name: "flotilla listen",
  });
}
