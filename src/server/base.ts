/** Every route lies under it; a change that breaks callers gets a new one. */
export const base = "/api/v1";
