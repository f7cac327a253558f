import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { renderError, renderThrown } from "./error.ts";
import { ago, span, usd } from "./format.ts";
import { createScreen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { asciiTheme, createTheme, plainTheme } from "./theme.ts";
import { cut, oneLine, padStart, widthOf, wrap } from "./width.ts";
import { UsageError } from "../usage-error.ts";

const style = { theme: plainTheme, columns: 60 };

describe("width", () => {
  it.each([
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["文字", 4],
    ["🚀", 2],
    ["✔", 1],
    ["👩‍👩‍👧", 2],
    ["\x1b[31mred\x1b[39m", 3],
    ["", 0],
  ])("of %j is %i", (text, cells) => expect(widthOf(text)).toBe(cells));

  it("cuts to fit, never in the middle of a character", () => {
    expect(cut("abcdef", 4, "…")).toBe("abc…");
    expect(cut("文字文字", 4, "…")).toBe("文…");
    expect(cut("abc", 3, "…")).toBe("abc");
    expect(cut("abcdef", 2, "...")).toBe("..");
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.nat(20),
        (text, cells) => widthOf(cut(oneLine(text), cells, "…")) <= Math.max(cells, 0),
      ),
    );
  });

  it("pads by cells", () => expect(padStart("文", 4)).toBe("  文"));

  it("wraps words and leaves long ones whole", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("see https://a.very.long/url now", 10)).toEqual(["see", "https://a.very.long/url", "now"]);
    expect(wrap("a\nb", 10)).toEqual(["a", "b"]);
  });

  it("takes the teeth out of what would steer a terminal", () => {
    expect(oneLine("a\x1b[2Jb\r\nc\x07\x9b")).toBe("ab c");
  });
});

describe("tables", () => {
  interface Row {
    readonly name: string;
    readonly note: string;
    readonly n: string;
  }
  const columns = [
    { title: "NAME", value: (r: Row) => r.name, least: 6 },
    { title: "N", value: (r: Row) => r.n, align: "right" as const },
    { title: "NOTE", value: (r: Row) => r.note, least: 8, spare: 1 },
  ];
  const rows: Row[] = [{ name: "a-rather-long-name", n: "12,345", note: "something\nlong to say" }];

  it("fit into the width: first cut, then left out", () => {
    expect(renderTable(columns, rows, { ...style, columns: undefined })[1]).toBe(
      "a-rather-long-name  12,345  something long to say",
    );
    expect(renderTable(columns, rows, { ...style, columns: 36 })[1]).toBe("a-rather-lon…  12,345  something lo…");
    expect(renderTable(columns, rows, { ...style, columns: 20 })).toEqual(["NAME               N", "a-rather-lo…  12,345"]);
  });

  it("are never wider than asked, whatever the rows hold", () => {
    const row = fc.record({
      name: fc.string({ unit: "grapheme" }),
      note: fc.string({ unit: "grapheme" }),
      n: fc.string({ maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.integer({ min: 20, max: 100 }), (rows, columnsMax) => {
        for (const line of renderTable(columns, rows, { theme: plainTheme, columns: columnsMax }))
          expect(widthOf(line)).toBeLessThanOrEqual(columnsMax);
      }),
    );
  });
});

describe("colours", () => {
  const tty = { isTTY: true };
  const red = (o: Parameters<typeof createTheme>[0]): boolean => createTheme(o).paint("red", "x") !== "x";

  it("show on a terminal, unless somebody said no", () => {
    expect(red({ output: tty, env: {} })).toBe(true);
    expect(red({ output: { isTTY: false }, env: {} })).toBe(false);
    expect(red({ output: tty, env: { NO_COLOR: "1" } })).toBe(false);
    expect(red({ output: tty, env: { NO_COLOR: "" } })).toBe(true);
    expect(red({ output: tty, env: { TERM: "dumb" } })).toBe(false);
    expect(red({ output: tty, env: {}, color: false })).toBe(false);
    expect(red({ output: { isTTY: false }, env: { FORCE_COLOR: "1" } })).toBe(true);
  });

  it("come with glyphs that the terminal can draw", () => {
    expect(createTheme({ output: tty, env: { LANG: "C" } }).glyphs.ok).toBe("+");
    expect(createTheme({ output: tty, env: { LANG: "de_DE.UTF-8" } }).glyphs.ok).toBe("✔");
    expect(createTheme({ output: tty, env: {} }).glyphs.ok).toBe("✔");
  });
});

describe("errors", () => {
  it("have one shape", () => {
    const error = {
      code: "FLOTILLA_OUTPUT_INVALID",
      title: "Output does not match the schema",
      message: "",
      where: "agents/secrets.ts:31",
      why: 'findings[4].line is "12" (string); the schema expects an integer of at least 1',
      fix: ["return Number(line)", "or accept strings: z.coerce.number()"],
    };
    expect(renderError(error, style).join("\n")).toBe(`✖ FLOTILLA_OUTPUT_INVALID Output does not match the schema
  where  agents/secrets.ts:31
  why    findings[4].line is "12" (string); the schema
         expects an integer of at least 1
  fix    return Number(line)
  fix    or accept strings: z.coerce.number()
  more   flotilla explain FLOTILLA_OUTPUT_INVALID`);
  });

  it("of others show their name, message and where the user's code was", () => {
    const thrown = Object.assign(new TypeError("x is not a function\nsecond line"), {
      stack: "TypeError: x\n    at node:fs:1\n    at f (/app/a.ts:1:2)\n    at g (/app/node_modules/p/i.js:1:1)",
    });
    expect(renderThrown(thrown, style)).toEqual([
      "✖ TypeError: x is not a function",
      "  why    second line",
      "  stack  at f (/app/a.ts:1:2)",
    ]);
  });

  it("that were declared show their data", () => {
    expect(renderError({ code: "FLOTILLA_DECLARED", name: "Unreadable", data: { path: "a" }, message: "m" }, style)).toEqual([
      "✖ Unreadable",
      '  why  {"path":"a"}',
    ]);
  });

  it("of usage have no code to look up", () => {
    expect(
      renderThrown(new UsageError("No such thing", { why: "it is not there", fix: ["look elsewhere"] }), {
        ...style,
        theme: asciiTheme,
      }),
    ).toEqual(["x No such thing", "  why   it is not there", "  fix   look elsewhere", "  more  flotilla --help"]);
  });
});

describe("the screen", () => {
  it("draws over what it drew, and keeps what is printed above it", () => {
    let text = "";
    const screen = createScreen({ write: (t) => void (text += t) });
    screen.above("before\n");
    screen.draw(["a", "b"]);
    screen.draw(["a", "b"]);
    expect(text).toBe("before\na\x1b[K\nb\x1b[K\n\x1b[J");
    text = "";
    screen.above("log\n");
    expect(text).toBe("\x1b[2A\r\x1b[Jlog\na\x1b[K\nb\x1b[K\n");
    text = "";
    screen.draw([]);
    screen.draw([]);
    screen.above("after\n");
    expect(text).toBe("\x1b[2A\r\x1b[Jafter\n");
  });
});

it("spans and sums read well", () => {
  const now = Date.parse("2026-11-22T10:00:00.000Z");
  const at = (s: number): string => new Date(now - s * 1_000).toISOString();
  expect([-5, 0, 59, 60, 3_600, 90_000].map((s) => ago(at(s), now))).toEqual([
    "now",
    "now",
    "59s ago",
    "1m ago",
    "1h ago",
    "1d ago",
  ]);
  expect([span(null), span(-3), span(1_234)]).toEqual(["", "0ms", "1.2s"]);
  expect([usd(0), usd(1_230), usd(1_234_567)]).toEqual(["$0.00", "$0.0012", "$1.23"]);
});
