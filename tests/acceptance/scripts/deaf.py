"""Says that it began, and when it is asked to stop, which it does not; nor does its child."""

import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
import_module("asked").note(import_module("good").parse().output)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
signal.signal(signal.SIGTERM, lambda *_: Path("told").touch())
Path("began").touch()
time.sleep(100)
