/** How a hook's requests are signed, with every default filled in. */
export type Scheme =
  | { readonly kind: "standard"; readonly toleranceMs: number }
  | { readonly kind: "stripe"; readonly toleranceMs: number }
  | {
      readonly kind: "hmac";
      /** In small letters. */
      readonly header: string;
      readonly prefix: string;
      readonly algorithm: "sha256" | "sha512";
      readonly encoding: "hex" | "base64";
      readonly id: Place;
    };

/** Where in a request something stands. */
export type Place = { readonly header: string } | { readonly pick: string };

/** What starts a run when a signed request comes: an option of the fleet with its defaults filled in. */
export interface HookSettings {
  readonly name: string;
  /** Name of a definition. */
  readonly target: string;
  readonly scheme: Scheme;
  /** A signature by any of them will do. */
  readonly keys: readonly Uint8Array[];
  /** JSON Pointer to the input; empty: the whole body. */
  readonly pick: string;
  /** Its name. */
  readonly namespace: string;
  readonly tenant: string | null;
}
