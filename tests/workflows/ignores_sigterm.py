"""Ignores SIGTERM, and creates a file when it gets the signal."""

import signal
import time
from importlib import import_module

output = import_module("good").parse().output
signal.signal(signal.SIGTERM, lambda *_: (output / "asked").touch())
(output / "ready").touch()
while True:
    time.sleep(600)
