import { afterAll } from "vitest";
import { openOneOwner, reopen } from "../postgres/one-owner.ts";
import { dropSchemas } from "../postgres/stores.ts";
import { exerciseAccess } from "./exercise-access.ts";
import { exerciseSchedules } from "./exercise-schedules.ts";
import { exerciseStore, type Exercise } from "./exercise-store.ts";
import { exerciseWebhooks } from "./exercise-webhooks.ts";

afterAll(dropSchemas);

const postgres: Exercise = { open: openOneOwner, reopen };
exerciseStore("postgres", postgres);
exerciseSchedules("postgres", postgres);
exerciseAccess("postgres", { ...postgres, upkeep: true });
exerciseWebhooks("postgres", postgres);
