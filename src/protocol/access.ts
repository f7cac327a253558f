// Who may do what where, as the doors of a fleet see it.
import type { Role } from "../core/role.ts";
import type { TokensApi } from "./tokens.ts";
import type { OrchestratorApi } from "./views.ts";

/** A namespace that exists. */
export interface Namespace {
  readonly id: number;
  readonly name: string;
}

/** What an access is worth, wherever it comes from. */
export interface Grant {
  /** Of whoever has it, for the log and for what requests are counted by: never a secret. */
  readonly id: string;
  readonly role: Role;
  /** null: every one. */
  readonly namespace: Namespace | null;
}

export interface Access {
  /** What a token is worth now; undefined when it is none of ours, has expired or was revoked. */
  check(token: string): Promise<Grant | undefined>;
  /** Somebody holds a token that counts. */
  any(): Promise<boolean>;
  /** undefined: there is none of that name. */
  namespace(name: string): Promise<Namespace | undefined>;
  /** Made when there is none. @throws FLOTILLA_CONFIG_INVALID */
  internNamespace(name: string): Promise<Namespace>;
  /** Tokens of one namespace, or of all of them (null). */
  tokens(within: Namespace | null): TokensApi;
}

/** An orchestrator as a server needs it. Itself it answers for every namespace: that is for its owner alone. */
export interface ServedOrchestrator extends OrchestratorApi {
  within(namespace: Namespace): OrchestratorApi;
  readonly access: Access;
}
