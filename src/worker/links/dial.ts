// One WebSocket to an orchestrator, opened or refused.
import { WebSocket } from "ws";
import { bounds } from "../../core/bounds.ts";
import { errorFromJson, FlotillaError, type ErrorJson } from "../../core/error.ts";
import type { Wire } from "../../protocol/wire/session.ts";
import { subprotocol } from "../../protocol/wire/frames.ts";

export interface Dialed extends Wire {
  /** What comes, and that it has closed: once, with the close code. Before `listen` nothing is lost. */
  listen(on: {
    readonly text: (text: string) => void;
    /** The other side asked whether the link lives. */
    readonly alive: () => void;
    readonly room: () => void;
    readonly closed: (code: number) => void;
  }): void;
  close(code: number): void;
  /** At once: a dead peer answers no close. */
  terminate(): void;
}

/** Why no link came about. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** The same call will be refused again: the token or the version has to change first. */
  readonly final: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(cause: Error, o: { final: boolean; retryAfterMs?: number | undefined }) {
    super(cause.message, { cause });
    this.final = o.final;
    this.retryAfterMs = o.retryAfterMs;
  }
}

const handshakeMs = 10_000;
const bodyBytesMax = 65_536;
/** Longest that a refusal may ask us to wait. */
const retryAfterMsMax = 60_000;

/** @throws Refusal, FLOTILLA_UNREACHABLE */
export function dial(url: string, token: string): Promise<Dialed> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, [subprotocol], {
      headers: { authorization: `Bearer ${token}` },
      // Compression would save little of small frames, and its window costs both sides memory for every link.
      perMessageDeflate: false,
      maxPayload: bounds.frameBytes,
      handshakeTimeout: handshakeMs,
      followRedirects: false,
    });
    const early: string[] = [];
    let closedWith: number | undefined;
    let on: Parameters<Dialed["listen"]>[0] | undefined;
    ws.on("message", (data, binary) => {
      // What is not text is not ours; the other side hears so from the session.
      const text = binary ? "" : (data as Buffer).toString("utf8");
      if (on) on.text(text);
      else early.push(text);
    });
    ws.on("ping", () => on?.alive());
    ws.once("close", (code) => {
      closedWith = code;
      on?.closed(code);
    });
    ws.once("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= bodyBytesMax) chunks.push(chunk);
        else response.destroy();
      });
      response.once("close", () => {
        ws.terminate();
        reject(refusalOf(url, response.statusCode ?? 0, response.headers["retry-after"], Buffer.concat(chunks).toString("utf8")));
      });
    });
    ws.on("error", (cause) => reject(new FlotillaError("FLOTILLA_UNREACHABLE", { target: placeOf(url) }, { cause })));
    ws.once("open", () =>
      resolve({
        write: (text) =>
          ws.send(text, (error) => {
            if (!error) on?.room();
          }),
        buffered: () => ws.bufferedAmount,
        close: (code) => ws.close(code),
        terminate: () => ws.terminate(),
        listen(handlers) {
          on = handlers;
          for (const text of early.splice(0)) handlers.text(text);
          if (closedWith !== undefined) handlers.closed(closedWith);
        },
      }),
    );
  });
}

function refusalOf(url: string, status: number, retryAfter: string | undefined, body: string): Error {
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter !== undefined && seconds >= 0 ? Math.min(retryAfterMsMax, seconds * 1_000) : undefined;
  let cause: Error = new FlotillaError("FLOTILLA_UNREACHABLE", { target: `${placeOf(url)} (it answered ${status})` });
  try {
    const json = JSON.parse(body) as ErrorJson;
    if (typeof json.code === "string" && json.code.startsWith("FLOTILLA_")) cause = errorFromJson(json);
  } catch {
    // A proxy's page.
  }
  // 4xx is what we asked; 408, 425 and 429 say when to ask again.
  const final = status >= 400 && status < 500 && ![404, 408, 425, 429].includes(status);
  return new Refusal(cause, { final, retryAfterMs });
}

/** Without what may be secret in it. */
export function placeOf(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "an address that is none";
  }
}
