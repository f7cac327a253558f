import { expect, test } from "vitest";
import * as z from "zod";
import * as client from "../client.ts";
import * as flotilla from "../index.ts";

test("the door gives these names and no more", () => {
  expect(Object.keys(flotilla).toSorted()).toEqual([
    "RetryableError",
    "TerminalError",
    "agent",
    "connect",
    "contract",
    "createFleet",
    "defineFleet",
    "isFlotillaError",
    "limit",
    "message",
    "openWorld",
    "parsePlan",
    "plan",
    "planSchema",
    "schedule",
    "script",
    "serveWorker",
    "workflow",
  ]);
});

test("the door for programs that only talk to a fleet gives fewer", () => {
  expect(Object.keys(client).toSorted()).toEqual(["connect", "contract", "isFlotillaError", "message", "schedule"]);
});

const greet = flotilla.agent({ name: "greet", input: z.object({}), run: () => 1 });

test.each([
  ["script()", () => flotilla.script(greet, [])],
  ["openWorld()", () => flotilla.openWorld({ definitions: [greet] })],
])("%s says that it comes later, and what to do until then", async (what, call) => {
  await expect(async () => call()).rejects.toMatchObject({
    code: "FLOTILLA_NOT_SUPPORTED",
    details: { what: expect.stringContaining(what), instead: expect.stringMatching(/\w+/) },
  });
});
