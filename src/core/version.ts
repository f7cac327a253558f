/** Of the package; a test compares it with package.json, which a bundle cannot read at a known place. */
export const version = "0.1.0";
