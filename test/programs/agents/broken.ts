// A mistake: what Node cannot run by stripping types.
export * from "./hardy.js";
