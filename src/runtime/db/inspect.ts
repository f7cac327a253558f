// What a store is, seen from outside, for doors that may not touch it.
export type { CheckReport } from "../../store/check-report.ts";
export { checkStore } from "../../store/sqlite/inspect/check.ts";
export { inspectStore, type StoreStatus, type TableCount } from "../../store/sqlite/inspect/status.ts";
