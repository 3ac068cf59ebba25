"""Is killed by a signal as often as the file ``times`` says, then makes its picture."""

import os
import signal
from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
import_module("call_log").record_call(output)
times = Path("times")
left = int(times.read_text(encoding="ascii"))
if left:
    times.write_text(str(left - 1), encoding="ascii")
    os.kill(os.getpid(), signal.SIGKILL)
good.write_media(output)
