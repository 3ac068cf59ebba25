"""Makes its picture, but leaves a process running in a session of its own."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
import_module("call_log").record_call(output)
escaped = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(100)"],
    start_new_session=True,
    stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
Path("escaped").write_text(str(escaped.pid), encoding="ascii")
good.write_media(output)
