// What a store is, seen from outside, for doors that may not touch it.
export { checkStore, type CheckReport } from "../../store/sqlite/inspect/check.ts";
export { inspectStore, type StoreStatus, type TableCount } from "../../store/sqlite/inspect/status.ts";
