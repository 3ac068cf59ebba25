"""Records how a script was called, and its environment."""

import json
import os
import sys
from pathlib import Path


def record_call(output: Path, **values: object) -> None:
    """Append one line to ``calls.jsonl`` in the working folder."""
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
    with Path("calls.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")
