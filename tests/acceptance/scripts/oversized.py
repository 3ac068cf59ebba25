"""Makes its picture, but runs out of GPU memory for the prompt "oversized"."""

import sys
from importlib import import_module

good = import_module("good")
arguments = good.parse()
import_module("call_log").record_call(arguments.output)
if arguments.prompt == "oversized":
    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB")
good.write_media(arguments.output)
