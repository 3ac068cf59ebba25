"""The GPU has no memory left."""

import sys

sys.stderr.write("  5%|█         | 1/20 [00:01<00:19,  1.00s/it]\n")


class OutOfMemoryError(RuntimeError):
    """Named as in torch."""

    __module__ = "torch"


raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has 8.00 GiB")
