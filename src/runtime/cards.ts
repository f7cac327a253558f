import { contractOf } from "../client/contract.ts";
import type { AnyCallable, Definition } from "../core/definition.ts";
import type { DefinitionCard } from "../protocol/worker.ts";
import { cardOf } from "../worker/cards.ts";

/**
 * What the orchestrator is told of definitions. The contracts of implementations are among them: a call names the
 * contract, which need not be listed itself.
 */
export function cardsOf(callables: readonly AnyCallable[]): readonly DefinitionCard[] {
  const byName = new Map<string, Definition>();
  for (const callable of callables) byName.set(callable.name, callable["~definition"]);
  for (const callable of callables) {
    const contract = contractOf(callable);
    if (contract && !byName.has(contract.name)) byName.set(contract.name, contract);
  }
  return [...byName.values()].map(cardOf);
}
