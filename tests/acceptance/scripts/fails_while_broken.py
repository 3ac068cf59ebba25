"""Fails while there is a file ``broken`` in the working folder."""

import sys
from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
if Path("broken").exists():
    sys.exit("the sampler is broken today")
good.write_media(output)
