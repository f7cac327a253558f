/** The tables where an open task is, each in exactly one. A new place is one line. */
export const places = ["running", "ready", "delayed", "held", "parked"] as const;
