"""Shows signs of life, and never ends."""

import itertools
import sys
import time

for step in itertools.count():
    sys.stderr.write(f"\r{step % 100}%|#| {step % 100}/100 [00:00<00:00, 9.00it/s]")
    time.sleep(0.02)
