"""Prints nothing for five seconds, but writes files."""

import time
from importlib import import_module

good = import_module("good")
output = good.parse().output
for step in range(50):
    (output / f"latent_{step}.bin").write_bytes(b"x" * step)
    time.sleep(0.1)
good.write_media(output)
