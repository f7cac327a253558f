import { expect, test } from "vitest";
import { gapTotal } from "./gaps.ts";

test.each([
  ['{"total":12,"named":[]}', 12],
  ['{"total":3}', 3],
  // By a worker that writes its fields in another order.
  ['{"named":[{"task":"{\\"total\\":9}","status":"failed"}], "total": 1}', 1],
])("%s counts %i", (text, total) => {
  expect(gapTotal(text)).toBe(total);
});
