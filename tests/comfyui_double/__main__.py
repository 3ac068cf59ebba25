"""``python -m tests.comfyui_double --port 0 --output DIR``: the double as a process of its own.

It prints its address as the only line on standard output. SIGTERM, SIGINT and SIGKILL end it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event

from tests.comfyui_double.double import running_double


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(prog="python -m tests.comfyui_double")
    parser.add_argument("--port", type=int, default=0, help="0 means any that is free")
    parser.add_argument("--output", type=Path, required=True, help="folder of what is saved")
    parser.add_argument("--behaviour", default="{}", help="fields of Behaviour, as a JSON object")
    given = parser.parse_args()
    end = Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _number, _frame: end.set())
    with running_double(
        given.output, given.port, own_process=True, **json.loads(given.behaviour)
    ) as double:
        sys.stdout.write(f"{double.url}\n")
        sys.stdout.flush()
        end.wait()


if __name__ == "__main__":
    main()
