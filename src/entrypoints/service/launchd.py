"""launchd, by way of ``launchctl`` (facts: launchctl(1))."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.service.launchd_plist import log_file, plist_text
from entrypoints.service.manager import State, Step, asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.service.definition import ServiceDefinition

# launchctl ends with the number of an error; `launchctl error N` says it in words.
_NO_SUCH_PROCESS, _INPUT_OUTPUT, _IN_PROGRESS, _ALREADY, _NO_SERVICE = 3, 5, 36, 37, 113
_SETTLE_SECONDS = 25.0  # a label that was booted out stays taken until its job has ended


class Launchd:
    """The manager of services on macOS.

    Args:
        environ: for HOME.
        user: the number of the user in whose session the service runs.
    """

    title = "launchd"

    def __init__(self, environ: Mapping[str, str], user: int) -> None:
        self._home = Path(environ.get("HOME") or Path.home())
        self._domain = f"gui/{user}"

    def file(self, name: str) -> Path:
        """In the folder for the agents of one user."""
        return self._home / "Library" / "LaunchAgents" / f"{name}.plist"

    def text(self, service: ServiceDefinition) -> str:
        """A property list."""
        return plist_text(service)

    def install_steps(self, name: str, *, changed: bool, start: bool) -> list[Step]:
        """A file is read when launchd is told to, and at login."""
        target = f"{self._domain}/{name}"
        steps = [Step(("launchctl", "enable", target))]
        if not start:
            return steps
        loaded = asked(("launchctl", "print", target)).code == 0
        if loaded and not changed:
            kick = Step(("launchctl", "kickstart", target), accepted=(_IN_PROGRESS, _ALREADY))
            return [*steps, kick]
        if loaded:
            steps += self.stop_steps(name)
        bootstrap = Step(
            ("launchctl", "bootstrap", self._domain, str(self.file(name))),
            busy=(_INPUT_OUTPUT, _IN_PROGRESS, _ALREADY) if loaded else (),
            busy_seconds=_SETTLE_SECONDS,
        )
        return [*steps, bootstrap]

    def stop_steps(self, name: str) -> list[Step]:
        """Boot it out; one that is not loaded is as good as stopped."""
        words = ("launchctl", "bootout", f"{self._domain}/{name}")
        return [Step(words, accepted=(_NO_SUCH_PROCESS, _IN_PROGRESS, _NO_SERVICE))]

    def links(self, name: str) -> list[Path]:  # noqa: ARG002 - the port's signature
        """None: launchd reads the folder itself."""
        return []

    def forget_steps(self, name: str) -> list[Step]:  # noqa: ARG002 - the port's signature
        """Nothing: launchd forgot it when it was booted out."""
        return []

    def state(self, name: str) -> State:
        """As ``launchctl print`` tells it."""
        switches = asked(("launchctl", "print-disabled", self._domain))
        if switches.trouble:
            return State(None, None, f"launchctl does not answer: {switches.trouble}")
        disabled = rf'^\s*"{re.escape(name)}" => (?:disabled|true)\s*$'
        enabled = not re.search(disabled, switches.out, re.MULTILINE)
        printed = asked(("launchctl", "print", f"{self._domain}/{name}"))
        if printed.code:
            return State(enabled, active=False, words="not loaded")
        words, pid = _value("state", printed.out), _value("pid", printed.out)
        code = _value("last exit code", printed.out)
        if words != "running" and code.isdecimal():
            words += f", last exit code {code}"
        return State(enabled, pid.isdecimal(), words, int(pid) if pid.isdecimal() else None)

    def log_words(self, name: str) -> str:
        """The file that launchd writes."""
        return str(log_file(name, self._home))

    def remarks(self) -> list[str]:
        """A user's agents live as long as the user is logged in."""
        return ["it runs while you are logged in, and starts when you log in"]


def _value(name: str, printed: str) -> str:
    """The first value of that name: inner tables repeat some of them further down."""
    found = re.search(rf"^\s*{name} = (.*?)\s*$", printed, re.MULTILINE)
    return found[1] if found else ""
