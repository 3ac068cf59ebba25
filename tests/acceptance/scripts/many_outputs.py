"""Makes N pictures, or outputs of N bytes or N pixels, as the last argument's value says."""

import sys
from importlib import import_module

measure, _, number = sys.argv.pop().rpartition("=")[2].partition("-")
good = import_module("good")
output = good.parse().output
if measure == "files":
    for index in range(int(number)):
        (output / f"{index}.png").write_bytes(good.png())
elif measure == "bytes":
    good.write_media(output)
    picture = output / "generated_image_001.png"
    (output / "notes.txt").write_bytes(b"x" * (int(number) - picture.stat().st_size))
else:
    (output / "generated_image_001.png").write_bytes(good.png(side=int(number)))
