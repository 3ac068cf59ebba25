"""Makes its picture, but for a prompt that is named so the GPU is always too small."""

import sys
from importlib import import_module

good = import_module("good")
arguments = good.parse()
import_module("asked").note(arguments.output)
if arguments.prompt == "oversized":
    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB")
good.write_media(arguments.output)
