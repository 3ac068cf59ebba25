"""The real ``mediagen``, run as a user runs it: a process of its own, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEDIAGEN = Path(sys.executable).with_name("mediagen")


@dataclass
class CommandLine:
    """A shell of a user who has nothing but an empty home and perhaps a database.

    Attributes:
        home: the user's folder, where commands run.
        database: passed in MUSINGS_DB_PATH, or None.
        environment: further variables.
    """

    home: Path
    database: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The environment of every command: nothing of whoever runs the tests."""
        found = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "PATH": os.pathsep.join([str(MEDIAGEN.parent), os.environ.get("PATH", os.defpath)]),
            "LC_ALL": "C.UTF-8",
        }
        if "PYTHONPATH" in os.environ:  # where the program under test is, if not installed
            found["PYTHONPATH"] = os.environ["PYTHONPATH"]
        if self.database:
            found["MUSINGS_DB_PATH"] = str(self.database)
        return found | self.environment

    def run(self, *arguments: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run ``mediagen`` and wait for its end."""
        ended = subprocess.run(  # noqa: S603 - the program under test
            [MEDIAGEN, *arguments],
            cwd=self.home,
            env=self.variables(),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=100,
        )
        return subprocess.CompletedProcess(
            ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
        )

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:  # noqa: ANN401 - a document
        """Run with ``--json`` and give the document that was printed."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)
