import fc from "fast-check";
import { expect, test } from "vitest";
import { bounds } from "../core/bounds.ts";
import { defaultKey, Scope, writtenKey } from "./keys.ts";

const root = (): Scope => new Scope("", undefined);

test("equals get ordinals, per scope", () => {
  const scope = root();
  expect([scope.key("a"), scope.key("b"), scope.key("a"), scope.key("a")]).toEqual(["a", "b", "a#2", "a#3"]);
  const inner = scope.inner("s");
  expect([inner.key("a"), inner.key("a"), scope.inner("s").key("a")]).toEqual(["s>a", "s>a#2", "s#2>a"]);
});

test("what people write never meets another ask's key", () => {
  const scope = root();
  const keys = [
    scope.key("x"),
    scope.key("x"),
    scope.key(writtenKey("x#2", "")),
    scope.inner("s").key("a"),
    scope.key(writtenKey("s>a", "")),
    scope.key(defaultKey("n", "h")),
    scope.key(writtenKey("n#h", "")),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test("different paths of scopes and keys are different keys", () => {
  const part = fc.string({ unit: fc.constantFrom("a", ">", "#", "\\", "2"), minLength: 0, maxLength: 4 });
  const path = fc.array(part, { minLength: 1, maxLength: 4 });
  const keyOf = (p: readonly string[]): string => {
    let scope = root();
    for (const s of p.slice(0, -1)) scope = scope.inner(writtenKey(s, ""));
    return scope.key(writtenKey(p.at(-1) as string, ""));
  };
  fc.assert(
    fc.property(path, path, (a, b) => (keyOf(a) === keyOf(b)) === (JSON.stringify(a) === JSON.stringify(b))),
    { numRuns: 1_000 },
  );
});

test("deep scopes keep within the bound and stay apart", () => {
  let one = root();
  let two = root();
  for (let i = 0; i < 100; i++) {
    one = one.inner("scope-with-a-long-name");
    two = two.inner(i === 3 ? "another" : "scope-with-a-long-name");
  }
  const [a, b] = [one.key("x"), two.key("x")];
  expect(a.length).toBeLessThanOrEqual(bounds.keyLength);
  expect(a).not.toBe(b);
});

test("a key that is too long is refused", () => {
  expect(() => writtenKey("k".repeat(bounds.keyLength + 1), "ctx.call")).toThrow(
    expect.objectContaining({ code: "FLOTILLA_TOO_LARGE" }),
  );
});

test("a scope knows what is open below it", () => {
  const scope = root();
  const [a, b] = [scope.inner("a"), scope.inner("b")];
  const c = a.inner("c");
  a.opened(1);
  b.opened(2);
  c.opened(3);
  a.opened(4);
  a.closed(4);
  scope.opened(5);
  expect([...a.openBelow()]).toEqual([1, 3]);
  a.cancel("enough");
  expect([a.canceled, c.canceled, b.canceled]).toEqual(["enough", "enough", undefined]);
});
