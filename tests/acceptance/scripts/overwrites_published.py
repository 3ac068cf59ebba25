"""Ends well, but a process outside its group overwrites its picture once it is published."""

import subprocess
import sys
from importlib import import_module

good = import_module("good")
output = good.parse().output
good.write_media(output)
writer = """
import os, pathlib, sys, time
with open(sys.argv[1], "r+b") as file:
    os.close(1)
    end = time.monotonic() + 20
    while not list(pathlib.Path("output/poets/image").glob("*/*.png")) and time.monotonic() < end:
        time.sleep(0.005)
    file.write(b"overwritten")
    file.truncate(9)
"""
child = subprocess.Popen(
    [sys.executable, "-c", writer, str(output / "generated_image_001.png")],
    start_new_session=True,
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
)
if child.stdout:
    child.stdout.read()  # until it has opened the file
