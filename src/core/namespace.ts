// The wall for data and access. Numbers inside, names outside.

/** The namespace of an embedded fleet, and of every call that names none. */
export const defaultNamespace = { id: 1, name: "default" } as const;

/** Not a namespace: definitions under this number are known in every one of them. */
export const everyNamespace = 0;

/** What an access to every namespace is called where a namespace is named. */
export const anyNamespace = "*";

/** Letters, digits and single dashes: a name fits a host name, a path and a claim of a token. */
const shape = /^[a-z0-9](?:-?[a-z0-9])*$/;
export const namespaceLength = 63;

export function isNamespaceName(text: unknown): text is string {
  return typeof text === "string" && text.length <= namespaceLength && shape.test(text);
}
