// What whoever knocks may do, from least to most. Each role may do what those before it may, with one exception: a
// worker is a machine and reads nothing of what others do, and those above it may still do what it may.
export const roles = ["viewer", "submitter", "worker", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** What a route or an act asks for. */
const grants: Readonly<Record<Role, ReadonlySet<Role>>> = {
  viewer: new Set(["viewer"]),
  submitter: new Set(["viewer", "submitter"]),
  worker: new Set(["worker"]),
  operator: new Set(["viewer", "submitter", "operator"]),
  admin: new Set(roles),
};

/** Whether somebody of that role may do what asks for `least`. */
export function mayAct(role: Role, least: Role): boolean {
  return grants[role].has(least);
}

export function isRole(text: unknown): text is Role {
  return (roles as readonly unknown[]).includes(text);
}
