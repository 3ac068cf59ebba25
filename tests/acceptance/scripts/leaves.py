"""Leaves a copy of the file in ``leavings`` that stands behind the last argument's '='."""

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

name = sys.argv.pop().rpartition("=")[2]
output = import_module("good").parse().output
if name == "hard_link.png":
    os.link("leavings/whole.png", output / name)
elif name == "huge.png":  # a hole of five gigabytes
    (output / name).touch()
    os.truncate(output / name, 5 * 2**30)
else:
    shutil.copyfile(Path("leavings") / name, output / name)
