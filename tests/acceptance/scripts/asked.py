"""Writes down what a script was asked, and in which circumstances."""

import json
import os
import sys
from pathlib import Path


def note(output: Path, **values: object) -> None:
    """Append one line to ``asked.jsonl`` of the working folder."""
    facts = {
        "arguments": sys.argv[1:],
        "script": sys.argv[0],
        "directory": str(Path.cwd()),
        "output": str(output),
        "output_is_absolute": output.is_absolute(),
        "output_holds": sorted(os.listdir(output)),  # noqa: PTH208 - names only
        "pid": os.getpid(),
        "values": values,
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }
    with Path("asked.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")
