"""Leaves so many pictures, or one with so many bytes behind it: the number after the last '='."""

import sys
from importlib import import_module

sort, _, number = sys.argv.pop().rpartition("=")[2].partition("-")
good = import_module("good")
output = good.parse().output
if sort == "files":
    for each in range(int(number)):
        (output / f"{each}.png").write_bytes(good.png())
elif sort == "bytes":
    good.write_media(output)
    picture = output / "generated_image_001.png"
    (output / "notes.txt").write_bytes(b"x" * (int(number) - picture.stat().st_size))
else:
    (output / "generated_image_001.png").write_bytes(good.png(side=int(number)))
