import { expect, test } from "vitest";
import { childEnvironment, childFlags } from "./child-environment.ts";

test("only what is allowed, passed on or set", () => {
  const from = { PATH: "/bin", LC_ALL: "C", OPENAI_API_KEY: "secret", TOKEN: "t", NODE_ENV: undefined };
  expect(childEnvironment(from, ["TOKEN"], { A: "1" })).toEqual({ PATH: "/bin", LC_ALL: "C", TOKEN: "t", A: "1" });
});

test("loaders and conditions go on, debuggers and watchers stay", () => {
  const flags = [
    "--import",
    "tsx",
    "--inspect-brk=0",
    "--watch",
    "-r",
    "./setup.js",
    "--max-old-space-size=512",
    "--test",
    "--eval",
    "code",
    "--watch-path",
    "src",
    "--conditions=dev",
    "--enable-source-maps",
  ];
  expect(childFlags(flags)).toEqual([
    "--import",
    "tsx",
    "-r",
    "./setup.js",
    "--max-old-space-size=512",
    "--conditions=dev",
    "--enable-source-maps",
  ]);
  expect(childEnvironment({ NODE_OPTIONS: "--inspect=1 --import tsx" }, [], {})).toEqual({ NODE_OPTIONS: "--import tsx" });
});
