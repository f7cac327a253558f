import { exerciseBulk } from "./exercise-bulk.ts";

exerciseBulk("SQLite", async () => ({ store: "memory", done() {} }));
