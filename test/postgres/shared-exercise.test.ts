// PostgreSQL does what every store does that several orchestrators share.
import { afterAll, beforeAll } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { exerciseShared } from "../store/exercise-shared.ts";
import { asAdmin } from "./server.ts";
import { dropSchemas, giveBack, inSchema, takeSchema } from "./stores.ts";

/** Nobody is swept before the server has been up for so long. */
const leaseMs = 5_000;
const upForALease = "SELECT pg_sleep($1 - extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()))";
beforeAll(() => asAdmin((client) => client.query(upForALease, [leaseMs / 1_000])), 30_000);
afterAll(dropSchemas);

exerciseShared("postgres", {
  async open() {
    const url = await takeSchema();
    const stores: Store[] = [];
    return {
      async handle() {
        const { store } = await openPostgresStore({ url, leaseMs });
        stores.push(store);
        return store;
      },
      async silence(boot) {
        // The others have been heard of for longer than a lease: only they may say that one is silent.
        const others = "UPDATE orchestrator SET beating_since = clock_timestamp() - interval '1 hour' WHERE id <> $1";
        await inSchema(url, others, [boot]);
        await inSchema(url, "UPDATE orchestrator SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1", [boot]);
      },
      async close() {
        for (const store of stores) await store.close();
        giveBack(url);
      },
    };
  },
});
