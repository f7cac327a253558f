/* oxlint-disable typescript/no-explicit-any -- `any` is the only type that accepts every wire type */
// stand-ins for the AI SDK 7 shapes that matter
import type { AgentContext, Limit, BaseContext, Callable } from "flotilla";
export interface LanguageModel {
  readonly modelId: string;
}
export declare function anthropic(id: string): LanguageModel;
export declare function generateText<T>(o: {
  model: LanguageModel;
  prompt: string;
  abortSignal?: AbortSignal;
  output: { "~o"?: T };
  tools?: Record<string, Tool>;
}): Promise<{
  output: T;
  text: string;
  usage: {
    inputTokens: number | undefined;
    outputTokens: number | undefined;
    inputTokenDetails: {
      cacheReadTokens: number | undefined;
      noCacheTokens: number | undefined;
      cacheWriteTokens: number | undefined;
    };
  };
}>;
export declare const Output: {
  object<S extends import("@standard-schema/spec").StandardSchemaV1>(o: {
    schema: S;
  }): { "~o"?: import("@standard-schema/spec").StandardSchemaV1.InferOutput<S> };
};
export interface Tool {
  description?: string;
}
// flotilla/ai-sdk: one import governs every call of an agent loop: grant, usage, price, abort, trace
export declare function governed(ctx: BaseContext, model: LanguageModel, o: { limit: Limit }): LanguageModel;
/** fleet agents as tools of a model; each tool call is a child task keyed by its toolCallId */
export declare function agentTools(
  ctx: import("flotilla").WorkflowContext,
  targets: readonly Callable<string, any, unknown, unknown>[],
): Record<string, Tool>;
export type _ = AgentContext;
