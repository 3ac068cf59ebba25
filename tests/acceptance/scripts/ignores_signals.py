"""Ignores SIGTERM and SIGINT, as does its child; creates files when it begins and is signalled."""

import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
import_module("call_log").record_call(import_module("good").parse().output)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
signal.signal(signal.SIGTERM, lambda *_: Path("signalled").touch())
Path("began").touch()
time.sleep(100)
