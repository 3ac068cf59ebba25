"""Prints so many megabytes on each stream as the last argument's value says, and succeeds."""

import os
import sys
from importlib import import_module

good = import_module("good")
megabytes = int(sys.argv.pop().rpartition("=")[2])
output = good.parse().output
block = (b"x" * 1023 + b"\n") * 1024
for _ in range(megabytes):
    for stream in (1, 2):
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(stream, rest) :]
good.write_media(output)
