"""Ends well, but a process outside the group continues writing into the picture."""

import subprocess
import sys
from importlib import import_module

good = import_module("good")
output = good.parse().output
good.write_media(output)
vandal = """
import sys, time
for step in range(200):
    with open(sys.argv[1], "r+b") as file:
        file.write(b"vandal %d" % step)
    time.sleep(0.01)
"""
child = subprocess.Popen(  # noqa: S603 - a child of our own
    [sys.executable, "-c", vandal, str(output / "generated_image_001.png")],
    start_new_session=True,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
(output / "child.pid").write_text(str(child.pid))
