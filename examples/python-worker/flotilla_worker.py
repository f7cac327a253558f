"""A Flotilla worker in plain Python: the standard library alone, agents only.

    from flotilla_worker import Worker

    worker = Worker(connect="wss://fleet.example:4700", token=os.environ["FLOTILLA_TOKEN"], offers=["gpu"])

    @worker.agent("ocr-python", implements="ocr", description="Reads text from an image")
    def ocr(input, ctx):
        return {"text": read(input["url"])}

    worker.serve()

It speaks the protocol that docs/reference/worker-protocol.md describes. Agents run in threads, one per slot, so the link
stays alive whatever they compute. A link that breaks is made again and the session goes on; what was not stored by the
orchestrator is told again.
"""

import base64
import hashlib
import json
import os
import queue
import random
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from urllib.parse import urlsplit

PROTOCOL = 1
SUBPROTOCOL = "flotilla.v1"
PATH = "/api/v1/workers/connect"
FRAME_BYTES = 1_114_112
FRAME_CHARS = 262_144
MESSAGE_CHARS = 268_500_992
FENCE_MS = 10_000


class Terminal(Exception):
    """Raise it to stop at once: the task is not tried again."""


class Canceled(Exception):
    """The attempt no longer counts. `ctx.check()` raises it."""


class Refused(Exception):
    def __init__(self, message, final=False, retry_after=None):
        super().__init__(message)
        self.final = final
        self.retry_after = retry_after


class Context:
    """What an agent gets beside its input."""

    def __init__(self, worker, assignment):
        self._worker = worker
        self.fence = assignment["fence"]
        self.task = assignment["publicId"]
        self.attempt = assignment["attempt"]
        self.canceled = threading.Event()
        self.spent = None

    def check(self):
        """Call it in long loops: raises Canceled when nobody waits for the result any more."""
        if self.canceled.is_set():
            raise Canceled()

    def progress(self, done=None, total=None, note=None):
        given = {"done": done, "total": total, "note": note}
        self._worker._say({"t": "progress", "fence": self.fence, **{k: v for k, v in given.items() if v is not None}})

    def log(self, message, level="info", **fields):
        self._worker._say({"t": "log", "fence": self.fence, "level": level, "message": message, "fields": fields})

    def spend(self, usd=0.0, input_tokens=0, output_tokens=0):
        spent = self.spent or {"microUsd": 0, "inputTokens": 0, "outputTokens": 0}
        spent["microUsd"] += round(usd * 1_000_000)
        spent["inputTokens"] += input_tokens
        spent["outputTokens"] += output_tokens
        self.spent = spent


class WebSocket:
    """The client side of RFC 6455, as much of it as text frames need."""

    def __init__(self, url, token, timeout=10.0):
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        port = parts.port or (443 if secure else 80)
        self._lock = threading.Lock()
        raw = socket.create_connection((parts.hostname, port), timeout=timeout)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                raw = ssl.create_default_context().wrap_socket(raw, server_hostname=parts.hostname)
            self._socket = raw
            self._buffer = b""
            self._handshake(parts, token)
        except BaseException:
            raw.close()
            raise

    def _handshake(self, parts, token):
        key = base64.b64encode(os.urandom(16)).decode()
        path = parts.path.rstrip("/")
        path = path if path.endswith(PATH) else path + PATH
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            f"Authorization: Bearer {token}",
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._until(b"\r\n\r\n", 65_536).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        headers = {}
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if status != 101:
            length = min(int(headers.get("content-length", "0") or 0), 65_536)
            body = self._exactly(length).decode("utf-8", "replace") if length else ""
            try:
                message = json.loads(body)["message"]
            except (ValueError, KeyError, TypeError):
                message = f"the server answered {status}"
            retry = headers.get("retry-after", "")
            final = 400 <= status < 500 and status not in (404, 408, 425, 429)
            raise Refused(message, final, float(retry) if retry.isdigit() else None)
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise Refused("what answers is no WebSocket server")
        if headers.get("sec-websocket-protocol") != SUBPROTOCOL:
            raise Refused(f"the server does not speak {SUBPROTOCOL}", True)

    def _until(self, mark, most):
        while mark not in self._buffer:
            if len(self._buffer) > most:
                raise ConnectionError("the answer has no end")
            self._fill()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, n):
        while len(self._buffer) < n:
            self._fill()
        found, self._buffer = self._buffer[:n], self._buffer[n:]
        return found

    def _fill(self):
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("the link was closed")
        self.heard = time.monotonic()
        self._buffer += data

    def receive(self, timeout):
        """The next text. Raises ConnectionError when the link has closed, TimeoutError when nothing came."""
        self._socket.settimeout(timeout)
        text = b""
        while True:
            first, second = self._exactly(2)
            opcode, length = first & 0x0F, second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self._exactly(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._exactly(8))
            if length + len(text) > FRAME_BYTES or second & 0x80:
                raise ConnectionError("a frame that no orchestrator sends")
            payload = self._exactly(length)
            if opcode == 0x8:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                raise Closed(code)
            if opcode == 0x9:
                self._send(0xA, payload)
            elif opcode in (0x0, 0x1):
                text += payload
                if first & 0x80:
                    return text.decode("utf-8")

    def send(self, text):
        self._send(0x1, text.encode("utf-8"))

    def _send(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
        elif length < 65_536:
            head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, length)
        mask = os.urandom(4)
        repeated = (mask * (length // 4 + 1))[:length]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
        with self._lock:
            self._socket.sendall(head + mask + masked)

    def close(self):
        try:
            self._send(0x8, struct.pack(">H", 1000))
        except OSError:
            pass
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


class Closed(ConnectionError):
    def __init__(self, code):
        super().__init__(f"the link was closed with {code}")
        self.code = code


class Session:
    """Numbers what is sent and keeps it until it is acknowledged; takes each number once."""

    def __init__(self, name):
        self.name = name
        self.received = 0
        self._sent = 0
        self._kept = []  # (n, body)
        self._parts = []
        self._unacked = 0

    def frames(self, message):
        """The frames of a message, from now on kept."""
        # In ASCII: half a character, which JavaScript's strings may hold, has no UTF-8.
        text = json.dumps([message], separators=(",", ":"), allow_nan=False)
        if len(text) > MESSAGE_CHARS:
            raise ValueError("it is too large for a link")
        if len(text) <= FRAME_CHARS:
            bodies = [f'"m":{text}}}']
        else:
            bodies = []
            for at in range(0, len(text), FRAME_CHARS):
                last = "true" if at + FRAME_CHARS >= len(text) else "false"
                piece = json.dumps(text[at : at + FRAME_CHARS])
                bodies.append(f'"last":{last},"text":{piece}}}')
        made = []
        for body in bodies:
            self._sent += 1
            self._kept.append((self._sent, body))
            made.append(self._frame(self._sent, body))
        return made

    def _frame(self, n, body):
        self._unacked = 0
        kind = "messages" if body.startswith('"m"') else "part"
        return f'{{"t":"{kind}","n":{n},"a":{self.received},{body}'

    def again(self, received):
        """Frames that the other side has not got."""
        self.acknowledged(received)
        return [self._frame(n, body) for n, body in self._kept]

    def acknowledged(self, a):
        self._kept = [(n, body) for n, body in self._kept if n > a]

    def take(self, frame):
        """The messages that a frame brings: none when it came before."""
        self.acknowledged(frame["a"])
        if frame["t"] == "ack" or frame["n"] <= self.received:
            return []
        if frame["n"] != self.received + 1:
            raise ConnectionError("a frame is missing")
        messages = []
        if frame["t"] == "messages":
            messages = frame["m"]
        else:
            self._parts.append(frame["text"])
            if frame["last"]:
                messages = json.loads("".join(self._parts))
                self._parts = []
        self.received = frame["n"]
        self._unacked += 1
        return messages

    def owes_ack(self):
        return self._unacked >= 16

    def ack(self):
        self._unacked = 0
        return json.dumps({"t": "ack", "a": self.received})


def _name(fence):
    return (fence["task"], fence["boot"], fence["leaseNo"])


class Held:
    """An attempt, until its end is stored."""

    def __init__(self, assignment, ctx):
        self.assignment = assignment
        self.ctx = ctx
        self.end = None
        self.over = False
        # Offered for adoption: what it says meanwhile waits.
        self.asking = False


class Worker:
    def __init__(self, connect, token, slots=1, offers=(), name=None, build="python", fence_ms=FENCE_MS):
        self.urls = [connect] if isinstance(connect, str) else list(connect)
        self.token = token
        self.slots = slots
        self.offers = list(offers)
        self.name = name or f"{socket.gethostname()[:80]}-{os.getpid()}"
        self.build = build
        self.fence_ms = fence_ms
        self._agents = {}
        self._cards = []
        self._lock = threading.RLock()
        self._held = {}
        self._work = queue.Queue()
        self._session = None
        self._socket = None
        self._id = None
        self._grace = 3.0
        self._heard = time.monotonic()
        # When the link was lost; None while there is one that carries the session.
        self._broken = None
        self._restart = False
        self._draining = False
        self._stopping = False
        self._left = False
        self._gone = False
        self._threads = []

    def agent(self, name, description, implements=None, needs=(), attempts=3, timeout_ms=None, version="1", input_schema=None, output_schema=None, idempotent=False):
        """Serves a function `run(input, ctx)`. What it returns is the result; what it raises is tried again."""

        def register(run):
            self._agents[name] = run
            self._cards.append(
                {
                    "name": name,
                    "kind": "agent",
                    "implements": implements,
                    "description": description,
                    "version": version,
                    "needs": list(needs),
                    "retry": {"attempts": attempts, "backoff": "exponential", "fromMs": 1_000, "toMs": 300_000},
                    "timeoutMs": timeout_ms,
                    "idleTimeoutMs": None,
                    "idempotent": idempotent,
                    "inputSchema": input_schema,
                    "outputSchema": output_schema,
                }
            )
            return run

        return register

    # ---------- the link

    def serve(self):
        """Returns when it has drained. Raises Refused when the token or the version is."""
        for _ in range(self.slots):
            thread = threading.Thread(target=self._run, daemon=True)
            thread.start()
            self._threads.append(thread)
        threading.Thread(target=self._watch, daemon=True).start()
        failures = 0
        at = 0
        while not self._gone:
            began = time.monotonic()
            wait = None
            try:
                link = WebSocket(self.urls[at % len(self.urls)], self.token)
                self._converse(link)
            except Refused as refused:
                if refused.final and self._id is None:
                    raise
                print(f"flotilla: {refused}", file=sys.stderr)
                wait = refused.retry_after
                at += 1
            except (OSError, ValueError, KeyError) as error:
                if self._session is None:
                    at += 1
                if not self._gone:
                    print(f"flotilla: {error}", file=sys.stderr)
            if self._gone:
                break
            failures = 1 if time.monotonic() - began > 10 else failures + 1
            step = wait if wait is not None else min(30.0, 0.25 * 2 ** min(failures - 1, 20))
            delay = step * (1 + random.random()) if wait is not None else step / 2 + random.random() * step / 2
            if self._session is not None:
                delay = min(delay, self._grace / 12 * (1 + random.random()))
            time.sleep(delay)
        for _ in self._threads:
            self._work.put(None)

    def drain(self):
        """Takes nothing new; `serve` returns when what runs is over. A signal handler may call it."""
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        with self._lock:
            if self._stopping:
                return
            self._stopping = self._draining = True
            self._say({"t": "draining"})
            self._leave_when_empty()

    def _converse(self, link):
        with self._lock:
            self._socket = link
            self._heard = time.monotonic()
            if self._session is None:
                self._begin(link)
            else:
                session = self._session
                link.send(json.dumps({"t": "resume", "protocol": PROTOCOL, "session": session.name, "received": session.received}))
        try:
            while True:
                frame = json.loads(link.receive(self.fence_ms / 1000 * 0.7))
                with self._lock:
                    self._heard = time.monotonic()
                    if self._frame(link, frame) == "end":
                        return
        except Closed as closed:
            # Whoever restarts gives nothing away.
            self._restart = closed.code == 1012
            if not self._left:
                raise
        finally:
            with self._lock:
                self._socket = None
                self._broken = self._broken or time.monotonic()
                if self._left and not self._gone:
                    # Drained by an orchestrator that goes: another one, or its next life, has work again.
                    self._session, self._draining, self._left = None, False, False
            link.close()

    def _begin(self, link):
        frame = {
            "t": "begin",
            "fenceMs": self.fence_ms,
            "hello": {
                "t": "hello",
                "protocol": PROTOCOL,
                "name": self.name,
                "pid": os.getpid(),
                "isolation": "remote",
                "slots": self.slots,
                "offers": self.offers,
                "build": self.build,
                "definitions": self._cards,
            },
        }
        if self._held and self._id is not None:
            held = []
            for attempt in self._held.values():
                attempt.asking = True
                a = attempt.assignment
                seq = a["deliveries"][-1]["seq"] if a["deliveries"] else a.get("baseSeq", 0)
                held.append({"fence": attempt.ctx.fence, "definition": a["definition"], "acts": a["acts"], "seq": seq, "finished": attempt.end is not None})
            frame["inventory"] = {"worker": self._id, "held": held}
        link.send(json.dumps(frame))

    def _frame(self, link, frame):
        kind = frame["t"]
        if kind == "begun":
            self._session = Session(frame["session"])
            self._id = frame["worker"]
            self._grace = frame["graceMs"] / 1000
            self._restart, self._broken = False, None
        elif kind == "resumed":
            self._restart, self._broken = False, None
            for text in self._session.again(frame["received"]):
                link.send(text)
        elif kind == "unknown":
            self._session = None
            self._begin(link)
        elif kind in ("refused", "over"):
            error = frame["error"]
            if kind == "over" or not error.get("retryable", False):
                self._drop(error["message"])
            retry = frame.get("retryAfterMs")
            raise Refused(error["message"], kind == "refused" and not error.get("retryable", False), retry and retry / 1000)
        elif kind in ("messages", "part", "ack") and self._session is not None:
            for message in self._session.take(frame):
                self._hear(message)
            if self._session is not None and self._session.owes_ack():
                link.send(self._session.ack())
        return "end" if self._gone else None

    def _say(self, message):
        with self._lock:
            if self._session is None:
                return
            for text in self._session.frames(message):
                if self._socket is None:
                    continue
                try:
                    self._socket.send(text)
                except OSError:
                    self._socket = None  # The reader finds out; what was said is kept.

    def _watch(self):
        """Stops what runs before anybody else is given it: see "Fencing" in the protocol."""
        while not self._gone:
            time.sleep(0.1)
            with self._lock:
                now = time.monotonic()
                if self._socket is not None:
                    self._heard = max(self._heard, self._socket.heard)
                silent = now - self._heard >= self.fence_ms / 1000
                closed = self._broken is not None and not self._restart and now - self._broken >= self._grace
                if (silent or closed) and any(not h.ctx.canceled.is_set() for h in self._held.values() if h.end is None):
                    self._drop("no orchestrator was heard")
                    if self._socket is not None:
                        self._socket.close()

    def _drop(self, why):
        print(f"flotilla: {why}: what runs here is stopped", file=sys.stderr)
        self._session = None
        for attempt in list(self._held.values()):
            attempt.ctx.canceled.set()
            if attempt.end is None:
                self._forget(attempt)

    # ---------- messages

    def _hear(self, m):
        kind = m["t"]
        if kind == "assign":
            for task in m["tasks"]:
                self._assign(task)
        elif kind == "cancel":
            attempt = self._held.get(_name(m["fence"]))
            if attempt is None:
                self._say({"t": "ended", "fence": m["fence"]})
            elif attempt.end is not None:
                self._forget(attempt)
            else:
                attempt.asking = False
                attempt.ctx.canceled.set()
                if attempt.over:
                    self._ended(attempt)
        elif kind == "settled":
            attempt = self._held.get(_name(m["fence"]))
            if attempt is not None:
                self._forget(attempt)
        elif kind == "adopted":
            self._adopted(m)
        elif kind == "ping":
            running = sum(1 for attempt in self._held.values() if attempt.end is None)
            self._say({"t": "pong", "n": m["n"], "holds": running})
        elif kind == "query":
            error = {"code": "ERROR", "message": "an agent answers no queries"}
            self._say({"t": "answer", "fence": m["fence"], "request": m["request"], "value": None, "error": error})
        elif kind == "drain":
            self._draining = True
            self._leave_when_empty()

    def _assign(self, task):
        ctx = Context(self, task)
        if task["definition"] not in self._agents or self._draining or task.get("inflate"):
            error = {"code": "ERROR", "message": f"this worker does not run {task['definition']}"}
            self._say({"t": "settle", "fence": task["fence"], "result": {"status": "returned", "error": error}, "spent": None})
            return
        attempt = Held(task, ctx)
        self._held[_name(task["fence"])] = attempt
        self._work.put(attempt)

    def _adopted(self, m):
        attempt = self._held.pop(_name(m["fence"]), None)
        if attempt is None:
            self._say({"t": "ended", "fence": m["next"]})
            return
        attempt.ctx.fence = m["next"]
        attempt.asking = False
        self._held[_name(m["next"])] = attempt
        if attempt.end is not None:
            self._say({**attempt.end, "fence": m["next"]})

    def _forget(self, attempt):
        self._held.pop(_name(attempt.ctx.fence), None)
        self._leave_when_empty()

    def _leave_when_empty(self):
        if self._draining and not any(a.end is None for a in self._held.values()):
            if self._left:
                return
            self._left = True
            self._gone = self._stopping
            self._say({"t": "goodbye", "reason": "drained"})
            link = self._socket
            # The orchestrator closes the link when it has read that; a second later we do.
            if link is not None:
                timer = threading.Timer(1.0, link.close)
                timer.daemon = True
                timer.start()

    # ---------- the code

    def _run(self):
        while True:
            attempt = self._work.get()
            if attempt is None:
                return
            result = self._result(attempt)
            with self._lock:
                attempt.over = True
                if attempt.ctx.canceled.is_set() or self._held.get(_name(attempt.ctx.fence)) is not attempt:
                    self._ended(attempt)
                    continue
                attempt.end = {"t": "settle", "fence": attempt.ctx.fence, "result": result, "spent": attempt.ctx.spent}
                if not attempt.asking:
                    try:
                        self._say(attempt.end)
                    except ValueError as error:
                        attempt.end["result"] = {"status": "failed", "error": _error(error), "terminal": True}
                        self._say(attempt.end)
                self._leave_when_empty()

    def _ended(self, attempt):
        if self._held.get(_name(attempt.ctx.fence)) is attempt:
            self._say({"t": "ended", "fence": attempt.ctx.fence})
            self._forget(attempt)

    def _result(self, attempt):
        if attempt.ctx.canceled.is_set():
            return None
        try:
            value = self._agents[attempt.assignment["definition"]](json.loads(attempt.assignment["input"]), attempt.ctx)
            return {"status": "succeeded", "value": json.dumps(value, ensure_ascii=False, allow_nan=False)}
        except Canceled:
            return {"status": "failed", "error": {"code": "ERROR", "message": "it stopped by itself"}, "terminal": False}
        except Terminal as error:
            return {"status": "failed", "error": _error(error), "terminal": True}
        except Exception as error:  # Whatever an agent raises is its result.
            return {"status": "failed", "error": _error(error), "terminal": False}


def _error(error):
    stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-4_000:]
    return {"code": "ERROR", "name": type(error).__name__[:100], "message": str(error)[:8_000], "stack": stack}
