import { expect, test } from "vitest";
import { parseStore } from "./store-url.ts";

test.each([
  "mysql://u:s3cret@h/d",
  "postgress://u:s3cret@h/d",
  "u:s3cret@h/d",
  "Postgres://u:a@s3cret@h/d",
  "redis://h/d?password=s3cret",
])("a store that is none is refused without its password: %s", (url) => {
  let refused: unknown;
  try {
    parseStore(url, "/");
  } catch (e) {
    refused = e;
  }
  expect(refused).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
  expect(`${String(refused)} ${JSON.stringify(refused)}`).not.toContain("s3cret");
});
