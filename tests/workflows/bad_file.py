"""Leaves one bad file, the one named by the last argument's value."""

import os
import sys
from importlib import import_module
from pathlib import Path

good = import_module("good")
fault = sys.argv.pop().rpartition("=")[2]
output = good.parse().output
picture: Path = output / "generated_image_001.png"
whole: bytes = good.png()
if fault == "half":
    picture.write_bytes(whole[: len(whole) // 2])
elif fault == "short":
    picture.write_bytes(whole[:-1])
elif fault == "empty":
    picture.touch()
elif fault == "text":
    picture.write_text("this is no picture")
elif fault == "link":
    picture.symlink_to("/etc/hostname")
elif fault == "fifo":
    os.mkfifo(picture)
elif fault == "beside":  # one good, one bad
    good.write_media(output)
    (output / "generated_image_002.png").write_bytes(whole[:-1])
elif fault == "many":
    for number in range(10_001):
        (output / f"{number}.png").write_bytes(whole)
else:
    sys.exit(f"no such fault: {fault}")
