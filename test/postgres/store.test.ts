import { afterAll } from "vitest";
import { openOneOwner, reopen } from "./one-owner.ts";
import { dropSchemas } from "./stores.ts";
import { exerciseAccess } from "../store/exercise-access.ts";
import { exerciseBuilds } from "../store/exercise-builds.ts";
import { exerciseSchedules } from "../store/exercise-schedules.ts";
import { exerciseWebhooks } from "../store/exercise-webhooks.ts";
import { exerciseStore, type Exercise } from "../store/exercise-store.ts";

afterAll(dropSchemas);

const postgres: Exercise = { open: openOneOwner, reopen };
exerciseStore("postgres", postgres);
exerciseSchedules("postgres", postgres);
exerciseBuilds("postgres", postgres);
exerciseAccess("postgres", { ...postgres, upkeep: true });
exerciseWebhooks("postgres", postgres);
