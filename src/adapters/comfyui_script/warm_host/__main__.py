"""Starts a warm host as a program of ComfyUI's interpreter, which knows none of our packages."""

from __future__ import annotations

import importlib
import os
import sys

if __name__ == "__main__":
    own_folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - it may be older
    sys.path[:] = [one for one in sys.path if one != own_folder]
    sys.path.insert(0, os.path.dirname(own_folder))  # noqa: PTH120
    jobs = importlib.import_module("warm_host.jobs")
    del sys.path[0]
    jobs.main()
