"""``mediagen`` as a user runs it: in an empty home, without the environment of the tests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from click.testing import CliRunner

from entrypoints import cli

if TYPE_CHECKING:
    from tests.fork_server import ForkServer

MEDIAGEN = Path(sys.executable).with_name("mediagen")
PATIENCE = 100  # seconds

# A process for each of hundreds of calls would take most of the tests' time. These commands end by
# themselves, render nothing and handle no signals, so that they may run within the tests' process.
WITHIN = frozenset(
    {"cancel", "completion", "config", "doctor", "init", "list", "logs", "setup"}
    | {"pause", "resume", "retry", "show", "status", "submit", "tag", "workflow"}
)

CompletedProcess = subprocess.CompletedProcess[str]


@dataclass
class CommandLine:
    """A shell of a user with an empty home and perhaps a database.

    Attributes:
        home: the user's folder, where commands run.
        database: passed in MUSINGS_DB_PATH, or None.
        environment: further variables.
        within: commands that ``run`` runs in this process.
        forks: runs the others as forks of a server; None starts each of them.
    """

    forks: ClassVar[ForkServer | None] = None

    home: Path
    database: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    within: frozenset[str] = WITHIN

    def variables(self) -> dict[str, str]:
        """The environment of every command, without variables of the tests' own environment."""
        found = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "PATH": os.pathsep.join([str(MEDIAGEN.parent), os.environ.get("PATH", os.defpath)]),
            "LC_ALL": "C.UTF-8",
        }
        if "PYTHONPATH" in os.environ:  # the location of the program under test, if not installed
            found["PYTHONPATH"] = os.environ["PYTHONPATH"]
        if self.database:
            found["MUSINGS_DB_PATH"] = str(self.database)
        return found | self.environment

    def run(self, *arguments: str | bytes, stdin: bytes = b"") -> CompletedProcess:
        """Run ``mediagen`` and wait until it exits."""
        if not self.within.isdisjoint(arguments):
            return self._run_within([os.fsdecode(word) for word in arguments], stdin)
        variables = self.variables()
        if self.forks and self.forks.suits(variables):
            command = [str(MEDIAGEN), *arguments]
            return _as_text(self.forks.run(command, self.home, variables, stdin, PATIENCE))
        return self.process(*arguments, stdin=stdin)

    def process(self, *arguments: str | bytes, stdin: bytes = b"") -> CompletedProcess:
        """Run ``mediagen`` as a separate process, whatever the command."""
        ended = subprocess.run(  # noqa: S603 - the program under test
            [MEDIAGEN, *arguments],
            cwd=self.home,
            env=self.variables(),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        return _as_text(ended)

    def _run_within(self, arguments: list[str], stdin: bytes) -> CompletedProcess:
        """Call ``main`` with the streams, variables and folder of the user's shell."""
        with (
            contextlib.chdir(self.home),
            mock.patch.dict(os.environ, self.variables(), clear=True),
            mock.patch.object(sys, "argv", [str(MEDIAGEN), *arguments]),
            CliRunner().isolation(stdin) as (printed, complaints, _),
        ):
            try:
                cli.main()
            except SystemExit as end:
                code = int(end.code or 0)
            except Exception:  # noqa: BLE001 - as a process: a traceback, and exit code 1
                traceback.print_exc()
                code = 1
            else:
                code = 0
            return CompletedProcess(
                arguments, code, printed.getvalue().decode(), complaints.getvalue().decode()
            )

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:  # noqa: ANN401 - a document
        """Run with ``--json`` and return the printed document."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)


def _as_text(ended: subprocess.CompletedProcess[bytes]) -> CompletedProcess:
    return CompletedProcess(
        ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
    )
