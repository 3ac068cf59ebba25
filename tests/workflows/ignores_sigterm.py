"""Cannot be asked to stop; leaves a mark when it was asked."""

import signal
import time
from importlib import import_module

output = import_module("good").parse().output
signal.signal(signal.SIGTERM, lambda *_: (output / "asked").touch())
(output / "ready").touch()
while True:
    time.sleep(600)
