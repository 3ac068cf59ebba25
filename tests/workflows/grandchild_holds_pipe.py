"""Ends well, but leaves a child that keeps the pipes open and continues writing."""

import subprocess
import sys
from importlib import import_module

good = import_module("good")
output = good.parse().output
chatter = """
import itertools, os, sys, time
for step in itertools.count():
    with open(sys.argv[1], "w") as file:
        file.write(str(step))
    time.sleep(0.002)
"""
child = subprocess.Popen(  # noqa: S603 - a child of our own
    [sys.executable, "-c", chatter, str(output / "scribble.txt")]
)
while not (output / "scribble.txt").exists():
    pass
(output / "child.pid").write_text(str(child.pid))
good.write_media(output)
