export { base } from "../protocol/http.ts";
