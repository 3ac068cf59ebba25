"""Prints a line and a bar at 50 %, then waits for the file ``go`` and deletes it."""

import sys
import time
from importlib import import_module
from pathlib import Path

good = import_module("good")
arguments = good.parse()
good.write_media(arguments.output)
sys.stdout.write("loading \033[31mthe model\033[0m\n")
sys.stdout.flush()
for bar in ("10%|#    | 2/20 [00:00<00:09", "50%|##5  | 10/20 [00:05<00:05"):
    sys.stderr.write(f"Sampling:  {bar},  2.0it/s]\r")
    sys.stderr.flush()
    time.sleep(0.2)  # so that both are reported
Path("began").touch()
end = time.monotonic() + 100
while not Path("go").exists() and time.monotonic() < end:
    time.sleep(0.01)
Path("go").unlink(missing_ok=True)
sys.stderr.write("\nsaved\n")
