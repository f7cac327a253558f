"""Implements the contract `ocr` of a fleet: FLOTILLA_TOKEN=... python3 worker.py ws://127.0.0.1:4700"""

import os
import signal
import sys

from flotilla_worker import Terminal, Worker

worker = Worker(
    connect=sys.argv[1:] or ["ws://127.0.0.1:4700"],
    token=os.environ.get("FLOTILLA_TOKEN", ""),
    slots=2,
    offers=["gpu"],
)


@worker.agent("ocr-python", implements="ocr", needs=["gpu"], description="Reads the text of an image")
def ocr(input, ctx):
    url = input["url"]
    if not url.startswith("https://"):
        raise Terminal(f"{url} is not on the web")
    ctx.progress(done=0, total=1, note=url)
    # Where a model would read the image: its name, in capitals.
    return {"text": url.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("-", " ").upper()}


signal.signal(signal.SIGTERM, lambda *_: worker.drain())
worker.serve()
