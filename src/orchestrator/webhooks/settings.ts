import type { WebhookEvent } from "../../core/webhook.ts";

/** Where events are told: an option of the fleet with its defaults filled in. */
export interface WebhookSettings {
  /** Under which its calls are stored: the same in the next life. */
  readonly name: string;
  readonly url: URL;
  readonly events: readonly WebhookEvent[];
  /** Names of definitions: only runs of these. Null: of all. */
  readonly definitions: readonly string[] | null;
  /** Name of a namespace: only its runs. Null: those of all. */
  readonly namespace: string | null;
  /** A signature is made with each. */
  readonly keys: readonly Uint8Array[];
  readonly timeoutMs: number;
  /** From when on a call that could not be told is given up, counted from its event. */
  readonly retryForMs: number;
}
