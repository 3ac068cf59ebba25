"""Fails to import a ComfyUI module while there is a file ``broken`` in the working folder."""

from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
import_module("call_log").record_call(output)
if Path("broken").exists():
    import_module("comfy.samplers_that_do_not_exist")
good.write_media(output)
