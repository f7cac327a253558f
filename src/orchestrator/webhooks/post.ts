import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { lookupOpen } from "./address.ts";

export interface PostRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}
export interface PostReply {
  readonly status: number;
  /** As the receiver sent it. */
  readonly retryAfter: string | undefined;
}

/** What is read of an answer, so that its connection can be used again. Nobody looks at it. */
const answerBytes = 65_536;

/** POSTs and hears the status. A redirect is an answer like any other: following it would send a signed message elsewhere. */
export class Poster {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });

  /** @throws what the network threw; its `code` says what. */
  post({ url, headers, body, signal }: PostRequest): Promise<PostReply> {
    const secure = url.protocol === "https:";
    const options = {
      method: "POST",
      agent: secure ? this.#https : this.#http,
      lookup: lookupOpen,
      signal,
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
    };
    return new Promise((resolve, reject) => {
      const sent = (secure ? httpsRequest : httpRequest)(url, options, (answer) => {
        resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers["retry-after"] });
        discard(answer);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function discard(answer: IncomingMessage): void {
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > answerBytes) answer.destroy();
  });
  answer.on("error", () => {});
}
