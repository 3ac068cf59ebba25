"""Marks that it began, waits for the file ``go`` in the working folder, then makes its picture."""

import time
from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
good.write_media(output)
import_module("call_log").record_call(output)
Path("began").touch()
end = time.monotonic() + 100
while not Path("go").exists() and time.monotonic() < end:
    time.sleep(0.01)
