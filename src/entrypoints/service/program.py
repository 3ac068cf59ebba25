"""What a service manager has to start for ``mediagen``."""

from __future__ import annotations

import os
from pathlib import Path


def program(executable: str) -> tuple[str, ...]:
    """The words before the arguments.

    Args:
        executable: this interpreter, never resolved: a virtual environment's Python is a link.

    The script beside the interpreter is what a person would call; where packages are installed
    without scripts, the interpreter does the same.
    """
    script = Path(executable).with_name("mediagen")
    if os.access(script, os.X_OK):
        return (str(script),)
    return (executable, "-c", "from entrypoints.cli import main; main()")
