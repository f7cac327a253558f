// What a fleet's config says of webhooks: who is told, and what may start runs.
import type { AnyCallable } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import type { WebhookEvent } from "../core/webhook.ts";

/** Somebody who is told, by a signed POST. */
export interface WebhookConfig {
  /** http or https. What stands in it after the host is treated as a secret. */
  url: string | URL;
  /** What is told. */
  events: readonly WebhookEvent[];
  /**
   * `whsec_` and the base64 of 24 to 64 random bytes; several with spaces between them while one is being replaced. Give
   * this or `secretEnv`. @default none: one of the two is needed
   */
  secret?: string;
  /** Name of the environment variable that holds the secret. @default none */
  secretEnv?: string;
  /** Names of definitions: only runs of these are told. @default all */
  definitions?: readonly string[];
  /** Only runs of this namespace are told. @default those of all */
  namespace?: string;
  /** Under which the store keeps what is not told yet. Name it when two go to one host. @default the URL's host */
  name?: string;
  /** How long one try may take. @default "15s" */
  timeout?: Duration;
  /** From when on it is given up, counted from the event. @default "1d" */
  retryFor?: Duration;
}

/** How a sender signs its requests with HMAC over the body, where it is none of those known by name. */
export interface HmacScheme {
  /** Header that holds the signature. */
  header: string;
  /** What stands in front of it: `"sha256="`. @default nothing */
  prefix?: string;
  /** @default "sha256" */
  algorithm?: "sha256" | "sha512";
  /** @default "hex" */
  encoding?: "hex" | "base64";
  /** What tells deliveries apart, so that one that is sent again starts nothing: a header, or a place in the body. */
  id: { header: string } | { pick: `/${string}` };
}

/** What starts a run when it is told to by a signed POST: `POST /api/v1/hooks/NAME`. */
export interface HookConfig {
  /** An agent, a workflow or a contract, or its name. */
  target: AnyCallable | string;
  /**
   * How requests are signed. `standard`: Standard Webhooks (`webhook-signature`); `github`: `X-Hub-Signature-256`;
   * `stripe`: `Stripe-Signature`; or any HMAC over the body.
   */
  scheme: "standard" | "github" | "stripe" | HmacScheme;
  /** The sender's secret; of `standard` in the form `whsec_...`. Several with spaces between them while one is being replaced. Give this or `secretEnv`. @default none: one of the two is needed */
  secret?: string;
  /** Name of the environment variable that holds the secret. @default none */
  secretEnv?: string;
  /** The run's input: the JSON body, or what lies at a JSON Pointer (RFC 6901) in it. @default "body" */
  input?: "body" | { pick: `/${string}` };
  /** How far the sender's clock may be from ours, where the signature covers a time (`standard`, `stripe`). @default "5m" */
  tolerance?: Duration;
  /** Of the run. @default "default" */
  namespace?: string;
  /** Of the run. @default "default" */
  tenant?: string;
}
