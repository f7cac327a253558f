import { FlotillaError } from "../core/error.ts";

/** The body of a request or a reply as text. @throws FLOTILLA_TOO_LARGE */
export async function readCapped(request: Request | Response, max: number): Promise<string> {
  return new TextDecoder().decode(await readBytes(request, max));
}

/** The body as it came. Stops reading at the cap, whatever the headers claim. @throws FLOTILLA_TOO_LARGE */
export async function readBytes(request: Request | Response, max: number): Promise<Uint8Array> {
  const claimed = Number(request.headers.get("content-length") ?? 0);
  if (claimed > max) throw tooLarge(claimed, max);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > max) throw tooLarge(bytes, max);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(bytes: number, max: number): FlotillaError {
  return new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the body", bytes, max });
}
