"""Starts, then hangs in silence."""

import sys
import time

sys.stderr.write("loading the model\n")
time.sleep(600)
