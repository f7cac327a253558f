import { afterAll } from "vitest";
import { dropSchemas, giveBack, takeSchema } from "../postgres/stores.ts";
import { exerciseBulk } from "./exercise-bulk.ts";

afterAll(dropSchemas);

exerciseBulk("PostgreSQL", async () => {
  const store = await takeSchema();
  return { store: store as `postgres://${string}`, done: () => giveBack(store) };
});
