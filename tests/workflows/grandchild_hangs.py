"""Hangs together with a child; neither ends on request."""

import signal
import subprocess
import sys
from importlib import import_module

output = import_module("good").parse().output
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(output / "child.pid").write_text(str(child.pid))
child.wait()
