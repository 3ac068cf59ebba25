"""Prints undecodable bytes, a NUL and a lone surrogate, and exits with 1."""

import os
import sys

os.write(1, b"\xff\xfe\x00\x80")
os.write(2, b"\x00 caf\xe9 \xf0\x9f\n 50%|\xe2\x96| 1/2 [00:00<00:00]\nlast words \xc3")
sys.exit(1)
