"""Misses ComfyUI's modules while there is a file ``broken`` in the working folder."""

from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
import_module("asked").note(output)
if Path("broken").exists():
    import_module("comfy.samplers_that_nobody_has")
good.write_media(output)
