"""The agents that the protocol's conformance run asks for: python3 conformance.py ws://127.0.0.1:PORT"""

import signal
import sys
import time

from flotilla_worker import Terminal, Worker

worker = Worker(connect=sys.argv[1], token="conformance", slots=2, name="subject", build="b1")


@worker.agent("echo", description="Returns its input")
def echo(input, ctx):
    return input


@worker.agent("fail", description="Fails, for good when it is told so")
def fail(input, ctx):
    if input.get("terminal"):
        raise Terminal("told to")
    raise RuntimeError("boom")


@worker.agent("hold", description="Runs until it is canceled, or for so long")
def hold(input, ctx):
    ctx.progress(note="holding")
    until = time.monotonic() + input.get("ms", 60_000) / 1000
    while time.monotonic() < until:
        ctx.check()
        time.sleep(0.01)
    return "held"


signal.signal(signal.SIGTERM, lambda *_: worker.drain())
worker.serve()
