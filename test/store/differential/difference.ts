/** Where two values first differ, in words; null when they say the same. Only keys of the second one count, so a row may carry more. */
export function difference(subject: unknown, model: unknown, path = ""): string | null {
  if (model instanceof Map || model instanceof Set) return difference(entriesOf(subject), entriesOf(model), path);
  if (typeof model !== "object" || model === null || typeof subject !== "object" || subject === null)
    return Object.is(subject, model) ? null : `${path}: ${show(subject)}, and the model ${show(model)}`;
  if (Array.isArray(model) && Array.isArray(subject) && model.length !== subject.length)
    return `${path}: ${subject.length} items ${show(subject)}, and the model ${model.length} ${show(model)}`;
  for (const key of Object.keys(model)) {
    const found = difference((subject as never)[key], (model as never)[key], path === "" ? key : `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

function entriesOf(value: unknown): unknown {
  if (value instanceof Map) return [...(value as Map<number, unknown>)].toSorted(([a], [b]) => a - b);
  if (value instanceof Set) return [...(value as Set<number>)].toSorted((a, b) => a - b);
  return value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 400 ? `${text.slice(0, 400)}...` : text;
}
