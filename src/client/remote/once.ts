// What a client adds to a start or a message that has no key of its caller's, so that it can be sent again when the reply
// was lost: the far side knows it again and takes it once.

/** What every drawn key begins with; after it 128 random bits, so that it meets no other key, drawn or chosen. */
export const drawnPrefix = "once:";

export function drawKey(bytes: (n: number) => Uint8Array): string {
  return drawnPrefix + Array.from(bytes(16), (b) => b.toString(16).padStart(2, "0")).join("");
}
