import { catalogue } from "../../core/error-catalogue.ts";
import { reasons } from "../../core/reason.ts";

const codes = [...Object.keys(catalogue), ...Object.keys(reasons)];

/** `store-locked`, `STORE_LOCKED` and `FLOTILLA_STORE_LOCKED` are the same code. */
export function normalCode(text: string): string {
  const upper = text.trim().toUpperCase().replaceAll("-", "_");
  return codes.includes(upper) || !codes.includes(`FLOTILLA_${upper}`) ? upper : `FLOTILLA_${upper}`;
}

/** The code that shares the most words with what was typed. */
export function nearestCode(code: string): string | undefined {
  const words = wordsOf(code);
  const scored = codes.map((known) => ({
    known,
    score: wordsOf(known).filter((w) => words.some((v) => w.startsWith(v) || v.startsWith(w))).length,
  }));
  const best = scored.toSorted((a, b) => b.score - a.score)[0];
  return best !== undefined && best.score > 0 ? best.known : undefined;
}

function wordsOf(code: string): string[] {
  return code.split("_").filter((word) => word.length > 2 && word !== "FLOTILLA" && word !== "NOT");
}
