/** Close codes of our own; 1012 is the standard's "service restart". */
export const closeCodes = Object.freeze({ refused: 4400, over: 4410, restart: 1012 });
