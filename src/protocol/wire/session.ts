// One side of a session: numbers what it sends, keeps it until the other side has acknowledged it, and takes each number
// once. It outlives its links: whatever link it is given next, the messages of both sides arrive in order, none lost and
// none twice.
//
//   send ──▶ batch of this turn ──▶ kept, numbered ──▶ written while the link's buffer has room ──▶ acknowledged: dropped
//
// It knows no socket and no clock; both sides are the same class.
import type { NextTurn } from "../../core/clock.ts";
import { bounds } from "../../core/bounds.ts";
import { FlotillaError } from "../../core/error.ts";
import { partsOf } from "../parts.ts";
import type { FromWorker, ToWorker } from "../worker.ts";
import { invalid, type Carrier } from "./frames.ts";

/** A socket as a session sees it. */
export interface Wire {
  write(text: string): void;
  /** Bytes that were written and have not left. */
  buffered(): number;
}

export interface SessionOptions<In> {
  /** Reads the JSON of a message array that came in parts. @throws FLOTILLA_MESSAGE_INVALID */
  readonly read: (text: string) => readonly In[];
  /** More is kept than the other side takes: the session is of no use any more. Called once, in a turn of its own. */
  readonly overflow: (error: FlotillaError) => void;
  /** Characters that are kept for the other side. */
  readonly keptMax: number;
  readonly nextTurn: NextTurn;
}

/** Characters of one frame: at three bytes each, or two after escaping, they stay below the cap of a frame. */
const frameChars = 262_144;
/** What a link holds in its buffer before the session waits for it. */
const bufferedMax = 1_048_576;
/** Of FLOTILLA_TOO_LARGE, when too much is kept for the other side. */
export const notTaken = "what the other side of the link has not taken";
/** Frames, or characters, that may come before they are acknowledged although there is nothing to say. */
const ackFrames = 16;
const ackChars = 65_536;

interface Kept {
  readonly n: number;
  /** The frame's content behind its numbers. */
  readonly body: string;
}

export class Session<Out extends FromWorker | ToWorker, In extends FromWorker | ToWorker> {
  readonly #o: SessionOptions<In>;
  readonly #nextTurn: NextTurn;
  #wire: Wire | undefined;
  #batch: string[] = [];
  #batchChars = 0;
  #scheduled = false;
  /** Sent or to be sent, and not acknowledged. `#next` is the index of the first that the present link was not given. */
  #kept: Kept[] = [];
  #next = 0;
  #keptChars = 0;
  #sent = 0;
  #received = 0;
  #acked = 0;
  #unackedFrames = 0;
  #unackedChars = 0;
  #parts: string[] = [];
  #partChars = 0;
  #over = false;

  constructor(o: SessionOptions<In>) {
    this.#o = o;
    this.#nextTurn = o.nextTurn;
  }

  /** The last number that came. */
  get received(): number {
    return this.#received;
  }
  /** Characters that the other side has not acknowledged. */
  get keptChars(): number {
    return this.#keptChars + this.#batchChars;
  }
  /** The last number that the other side has acknowledged. */
  get acknowledged(): number {
    return this.#acked;
  }
  /** Characters of a message whose last part has not come. */
  get partChars(): number {
    return this.#partChars;
  }

  /** @throws FLOTILLA_TOO_LARGE when no frame and no string could carry it: nothing was sent. */
  send(message: Out): void {
    if (this.#over) return;
    const text = textOf(message);
    if (text === undefined) return this.#tooLong(message);
    if (this.#batchChars + text.length > frameChars) this.#seal();
    this.#batch.push(text);
    this.#batchChars += text.length + 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#nextTurn(this.#flush);
  }

  #tooLong(message: Out): void {
    const parts = partsOf(message) as readonly Out[];
    if (parts.length > 1) for (const part of parts) this.send(part);
    else throw new FlotillaError("FLOTILLA_TOO_LARGE", tooLarge(message));
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#seal();
    this.pump();
  };

  /** What was said becomes numbered frames. */
  #seal(): void {
    if (this.#batch.length === 0 || this.#over) return;
    const text = `[${this.#batch.join(",")}]`;
    this.#batch = [];
    this.#batchChars = 0;
    const before = this.#keptChars;
    if (text.length <= frameChars + 2) this.#keep(`"m":${text}}`);
    else {
      for (let from = 0; from < text.length;) {
        const to = wholeCharacters(text, from + frameChars);
        this.#keep(`"last":${to >= text.length},"text":${JSON.stringify(text.slice(from, to))}}`);
        from = to;
      }
    }
    // What was there before counts: one large message alone is no overflow.
    if (before <= this.#o.keptMax) return;
    this.end();
    const error = new FlotillaError("FLOTILLA_TOO_LARGE", {
      what: notTaken,
      bytes: before,
      max: this.#o.keptMax,
    });
    this.#nextTurn(() => this.#o.overflow(error));
  }

  #keep(body: string): void {
    this.#kept.push({ n: ++this.#sent, body });
    this.#keptChars += body.length;
  }

  /** Gives the link what it has room for. Call it when its buffer has emptied. */
  pump(): void {
    const wire = this.#wire;
    if (!wire) return;
    while (this.#next < this.#kept.length && wire.buffered() < bufferedMax) {
      const { n, body } = this.#kept[this.#next++] as Kept;
      wire.write(`{"t":"${body.startsWith('"m"') ? "messages" : "part"}","n":${n},"a":${this.#said()},${body}`);
    }
    if (this.#unackedFrames >= ackFrames || this.#unackedChars >= ackChars) wire.write(`{"t":"ack","a":${this.#said()}}`);
  }

  #said(): number {
    this.#unackedFrames = 0;
    this.#unackedChars = 0;
    return this.#received;
  }

  /** A new link to the same session, whose other side has received up to `received`. @throws FLOTILLA_MESSAGE_INVALID */
  open(wire: Wire, received: number): void {
    this.#acknowledged(received);
    this.#wire = wire;
    this.#next = 0;
    this.pump();
  }

  /** The link has broken. */
  close(): void {
    this.#wire = undefined;
  }

  /** Nothing is sent or kept any more. */
  end(): void {
    this.#over = true;
    this.#wire = undefined;
    this.#batch = [];
    this.#kept = [];
    this.#parts = [];
    this.#keptChars = this.#batchChars = this.#partChars = 0;
  }

  /**
   * What a frame brings: nothing when it came before, or is a part.
   * @throws FLOTILLA_MESSAGE_INVALID when a number is missing or was never sent, FLOTILLA_TOO_LARGE
   */
  receive(frame: Carrier<In>, chars: number): readonly In[] {
    this.#acknowledged(frame.a);
    if (frame.t === "ack") return [];
    if (frame.n <= this.#received) return [];
    if (frame.n !== this.#received + 1) throw invalid(`frame ${frame.n} came after frame ${this.#received}`);
    let messages: readonly In[] = [];
    if (frame.t === "part") messages = this.#part(frame.text, frame.last);
    else if (this.#parts.length > 0) throw invalid(`frame ${frame.n} came in the middle of a message in parts`);
    else messages = frame.m;
    this.#received = frame.n;
    this.#unackedFrames++;
    this.#unackedChars += chars;
    if (!this.#scheduled && (this.#unackedFrames >= ackFrames || this.#unackedChars >= ackChars)) {
      this.#scheduled = true;
      this.#nextTurn(this.#flush);
    }
    return messages;
  }

  #part(text: string, last: boolean): readonly In[] {
    if (this.#partChars + text.length > bounds.messageBytes) {
      const bytes = this.#partChars + text.length;
      throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: "a message in parts", bytes, max: bounds.messageBytes });
    }
    this.#parts.push(text);
    this.#partChars += text.length;
    if (!last) return [];
    const whole = this.#parts.join("");
    this.#parts = [];
    this.#partChars = 0;
    return this.#o.read(whole);
  }

  #acknowledged(a: number): void {
    if (a < this.#acked) return; // Sent before what we know already.
    if (a > this.#sent) throw invalid(`frame ${a} was acknowledged, and ${this.#sent} were sent`);
    this.#acked = a;
    let n = 0;
    for (; n < this.#kept.length && (this.#kept[n] as Kept).n <= a; n++) this.#keptChars -= (this.#kept[n] as Kept).body.length;
    if (n === 0) return;
    this.#kept = this.#kept.slice(n);
    this.#next = Math.max(0, this.#next - n);
  }
}

/** One message as JSON; undefined when it is longer than a link carries. */
function textOf(message: FromWorker | ToWorker): string | undefined {
  let text: string;
  try {
    text = JSON.stringify(message);
  } catch {
    return undefined; // No string holds it.
  }
  return text.length < bounds.messageBytes ? text : undefined;
}

function tooLarge(message: FromWorker | ToWorker): { what: string; bytes: number; max: number } {
  const longest = Math.max(...Object.values(message).map((v: unknown) => (typeof v === "string" ? v.length : 0)));
  const max = bounds.messageBytes;
  return { what: `a message across a link (${message.t})`, bytes: Math.max(longest, max), max };
}

/** Not between the halves of a character: languages that check their strings could not join them again. */
function wholeCharacters(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
