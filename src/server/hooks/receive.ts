// Signed requests that start runs. Their signature is all that lets them in: no token is looked at.
import { randomBytes } from "node:crypto";
import { bounds } from "../../core/bounds.ts";
import type { Clock } from "../../core/clock.ts";
import { FlotillaError } from "../../core/error.ts";
import type { OrchestratorApi, StartRequest } from "../../protocol/views.ts";
import { base } from "../base.ts";
import { checkInput } from "../input-check.ts";
import { parseBody, present } from "../requests.ts";
import { valueAt } from "./pointer.ts";
import type { HookSettings, Place } from "./settings.ts";
import { isSigned, type Delivery } from "./signature.ts";

export interface HookDoor {
  readonly hooks: readonly HookSettings[];
  /** The fleet as that namespace sees it. */
  readonly apiIn: (namespace: string) => Promise<OrchestratorApi>;
  readonly clock: Clock;
}

/** What is answered: the run that was started, or was before. */
export interface Received {
  readonly status: number;
  readonly json: { readonly id: string; readonly existing: boolean };
  readonly location: string;
}

/** Of a sender's: a hook's name, which is in front of it in the key, fits beside it. */
const deliveryIdLength = 256;

export class HookReceiver {
  readonly #hooks: ReadonlyMap<string, HookSettings>;
  readonly #apiIn: HookDoor["apiIn"];
  readonly #clock: Clock;
  /** Whoever asks for a hook that does not exist is refused as everybody is, and as slowly. */
  readonly #nobody: Pick<HookSettings, "scheme" | "keys"> = {
    scheme: { kind: "standard", toleranceMs: 0 },
    keys: [randomBytes(32)],
  };

  constructor({ hooks, apiIn, clock }: HookDoor) {
    this.#hooks = new Map(hooks.map((h) => [h.name, h]));
    this.#apiIn = apiIn;
    this.#clock = clock;
  }

  /**
   * The run that the delivery starts, or has started before.
   * @throws FLOTILLA_SIGNATURE_INVALID, also for a hook that does not exist; then what the start throws
   */
  async receive(name: string, delivery: Delivery): Promise<Received> {
    const hook = this.#hooks.get(name);
    const signed = isSigned(hook ?? this.#nobody, delivery, this.#clock.now());
    if (!hook || !signed) throw new FlotillaError("FLOTILLA_SIGNATURE_INVALID", { hook: name.slice(0, bounds.nameLength) });
    const body = parseBody(new TextDecoder().decode(delivery.body));
    const id = deliveryId(hook, delivery, body);
    const input = valueAt(body, hook.pick);
    if (input === undefined) throw nothingAt(hook.pick);
    const api = await this.#apiIn(hook.namespace);
    checkInput(await api.definition(hook.target), input);
    const request = present({
      name: hook.target,
      input: JSON.stringify(input),
      tenant: hook.tenant ?? undefined,
      idempotencyKey: `hook:${name}:${id}`,
      // A delivery is what its id says: a sender that tries again may send other bytes (Stripe counts its tries in them).
      inputHash: "hook",
    }) as StartRequest;
    const [started] = api.start([request]);
    if (started === undefined) throw new FlotillaError("FLOTILLA_CLOSED", { what: "the orchestrator" });
    const reply = await started;
    return { status: 202, json: { id: reply.id, existing: reply.existing }, location: `${base}/runs/${reply.id}` };
  }
}

function deliveryId({ scheme }: HookSettings, { header }: Delivery, body: unknown): string {
  const place: Place =
    scheme.kind === "standard" ? { header: "webhook-id" } : scheme.kind === "stripe" ? { pick: "/id" } : scheme.id;
  const id = "header" in place ? header(place.header) : valueAt(body, place.pick);
  const text = typeof id === "number" ? String(id) : id;
  if (typeof text === "string" && text.length > 0 && text.length <= deliveryIdLength) return text;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "header" in place ? `header ${place.header}` : `body${place.pick}`,
    problem: `it holds no id of 1 to ${deliveryIdLength} characters`,
    fix: "send what tells this delivery apart from others there",
  });
}

function nothingAt(pointer: string): FlotillaError {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: `body${pointer}`,
    problem: "there is nothing",
    fix: `send the input of the run at ${pointer}; nothing was stored`,
  });
}
