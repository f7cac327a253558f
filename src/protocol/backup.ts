// What a backup holds, and what asking for one answers.

export const manifestName = "manifest.json";

/** manifest.json of a backup. */
export interface Manifest {
  readonly format: 1;
  /** The version that took it. */
  readonly flotilla: string;
  /** Of its tables; a version that knows less cannot open it. */
  readonly schema: number;
  /** Where it was taken from. */
  readonly store: string;
  readonly takenAt: string;
  readonly database: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly artifacts: readonly { readonly sha256: string; readonly bytes: number }[];
  /** Artifacts that the tables refer to and that were not there, or were damaged, when it was taken. */
  readonly missing: readonly string[];
}

export interface BackupReply {
  readonly folder: string;
  readonly schema: number;
  /** Of the database and all artifacts. */
  readonly bytes: number;
  readonly artifacts: number;
  readonly missing: readonly string[];
}
