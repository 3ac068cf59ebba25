"""Says that it began, and cannot be asked to stop; nor can its child."""

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
Path("began").touch()
time.sleep(100)
