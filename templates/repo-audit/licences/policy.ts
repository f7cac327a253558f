// Which licences ask something of those who ship a dependency.

import parse, { type Expression } from "spdx-expression-parse";
import { asRecord, asString, type JsonRecord } from "../json.ts";

export type Burden = "none" | "weak" | "strong" | "forbidding";
const order: readonly Burden[] = ["none", "weak", "strong", "forbidding"];

/** The whole product must be opened, even over a network for the second group; or use is restricted. */
const strong = /^(GPL|AGPL|SSPL|OSL|EUPL|CECILL|RPL|CPAL)(-|$)/;
const forbidding = /^(BUSL-|Elastic-|CC-BY(-[A-Z]+)*-(NC|ND)|PolyForm-|Parity-|Hippocratic-|JSON$|Aladdin$)/;
/** Changes to the dependency itself must be opened. */
const weak = /^(LGPL|MPL|EPL|CDDL|CPL|CC-BY-SA|MS-RL|APSL|IPL|SPL|OFL)(-|$)/;

function burdenOfOne(id: string, exception: string | undefined): Burden {
  if (strong.test(id)) return exception === undefined ? "strong" : "weak";
  if (forbidding.test(id)) return id === "JSON" ? "weak" : "forbidding";
  return weak.test(id) ? "weak" : "none";
}

function burdenOf(expression: Expression): Burden {
  if ("license" in expression) return burdenOfOne(expression.license, expression.exception);
  const sides = [burdenOf(expression.left), burdenOf(expression.right)].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  // One may choose among alternatives, and must keep all of a conjunction.
  return (expression.conjunction === "or" ? sides[0] : sides[1]) ?? "none";
}

/** What people write where an SPDX expression belongs. */
const usual: readonly (readonly [RegExp, string])[] = [
  [/^apache( license)?,?( version)? ?v?2(\.0)?$/i, "Apache-2.0"],
  [/^(the )?mit( license|\/x11|\*)?$/i, "MIT"],
  [/^(new |modified )?bsd( license|-3)?\*?$/i, "BSD-3-Clause"],
  [/^(simplified bsd|bsd-2)( license)?$/i, "BSD-2-Clause"],
  [/^(public domain|wtfpl|unlicen[sc]e)$/i, "Unlicense"],
  [/^(gnu )?gpl(v| v|-)?3$/i, "GPL-3.0-only"],
  [/^(gnu )?gpl(v| v|-)?2$/i, "GPL-2.0-only"],
  [/^isc( license)?$/i, "ISC"],
];

export type Reading =
  | { readonly kind: "expression"; readonly text: string; readonly burden: Burden }
  | { readonly kind: "proprietary" }
  | { readonly kind: "unclear" };

export function readLicence(raw: string): Reading {
  const text = raw.trim();
  if (/^(unlicensed|proprietary|commercial|none|all rights reserved)$/i.test(text) && text !== "Unlicense")
    return { kind: "proprietary" };
  const plain = usual.find(([pattern]) => pattern.test(text))?.[1] ?? text;
  try {
    return { kind: "expression", text: plain, burden: burdenOf(parse(plain)) };
  } catch {
    return { kind: "unclear" };
  }
}

/** Every single licence named in an expression. */
export function licencesIn(raw: string): string[] {
  const reading = readLicence(raw);
  if (reading.kind !== "expression") return [];
  const visit = (expression: Expression): string[] =>
    "license" in expression ? [expression.license] : [...visit(expression.left), ...visit(expression.right)];
  return visit(parse(reading.text));
}

const wordings: readonly (readonly [RegExp, string])[] = [
  [/gnu affero general public license/, "AGPL"],
  [/gnu lesser general public license|gnu library general public license/, "LGPL"],
  [/gnu general public license/, "GPL"],
  [/server side public license/, "SSPL"],
  [/business source license/, "BUSL"],
  [/elastic license/, "Elastic"],
  [/mozilla public license/, "MPL"],
  [/eclipse public license/, "EPL"],
  [/apache license,? version 2\.0|apache license version 2\.0/, "Apache"],
  [/permission is hereby granted, free of charge, to any person obtaining a copy/, "MIT"],
  [/permission to use, copy, modify, and\/or distribute this software for any purpose with or without fee/, "ISC"],
  [/permission to use, copy, modify, and distribute this software for any purpose with or without fee/, "ISC"],
  [/redistribution and use in source and binary forms/, "BSD"],
  [/this is free and unencumbered software released into the public domain/, "Unlicense"],
  [/cc0 1\.0 universal/, "CC0"],
];

/** The family of a licence text, by its wording: `MIT`, `Apache`, `GPL` ... Null when no wording, or several, are found. */
export function familyOfText(text: string): string | null {
  const plain = text.toLowerCase().replaceAll(/\s+/g, " ").slice(0, 60_000);
  const start = plain.slice(0, 400);
  const titled = wordings.find(([wording]) => wording.test(start));
  if (titled !== undefined && /^(AGPL|LGPL|GPL|SSPL|BUSL|Elastic|MPL|EPL|Apache)$/.test(titled[1])) return titled[1];
  const found = wordings.filter(([wording]) => wording.test(plain)).map(([, family]) => family);
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** `GPL-3.0-or-later` is of the family `GPL`. */
export function familyOf(id: string): string {
  if (id === "0BSD") return "ISC";
  if (/^(MIT|X11|Expat)/.test(id)) return "MIT";
  return id.split("-")[0] ?? id;
}

/** The licence that a manifest names. */
export function licenceOf(manifest: JsonRecord): string | null {
  return asString(manifest["license"]) ?? asString(asRecord(manifest["license"])["type"]);
}

export function isLicenceFile(name: string): boolean {
  return /^(licen[cs]e|copying|unlicense|mit-license|apache-license)([-_.].*)?$/i.test(name);
}
