"""launchd: ``launchctl``, and the property list of an agent.

Facts: launchctl(1), launchd.plist(5). launchd has no watchdog, no "ready" message, and no exit code
that stops it from restarting the job. It kills only the job's own process group when the job ends.
"""

from __future__ import annotations

import plistlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.service.manager import ServiceState, Step, run_command
from entrypoints.service.service_definition import MARK, STOP_SECONDS, THROTTLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.service.service_definition import ServiceDefinition

# launchctl ends with the number of an error; `launchctl error N` says it in words.
_NO_SUCH_PROCESS, _INPUT_OUTPUT, _IN_PROGRESS, _ALREADY, _NO_SERVICE = 3, 5, 36, 37, 113
_BOOTOUT_SECONDS = 25.0  # a label that was booted out stays taken until its job has ended
_READABLE_BY_OTHERS = 0o022  # the web server is another user
_COMMENT = f"<!-- {MARK}; the next install overwrites it. -->\n"


class Launchd:
    """The service manager of macOS.

    Args:
        environ: the environment, of which HOME is used.
        user: the id of the user in whose session the service runs.
    """

    title = "launchd"

    def __init__(self, environ: Mapping[str, str], user: int) -> None:
        self._home = Path(environ.get("HOME") or Path.home())
        self._domain = f"gui/{user}"

    def file(self, name: str) -> Path:
        """A property list in the folder for the agents of one user."""
        return self._home / "Library" / "LaunchAgents" / f"{name}.plist"

    def text(self, service: ServiceDefinition) -> str:
        """The text of the property list."""
        log = str(log_file(service.name, service.home))
        document = {
            "Label": service.name,
            "ProgramArguments": list(service.command),
            "EnvironmentVariables": dict(sorted(service.environment.items())),
            "WorkingDirectory": str(service.home),
            "StandardOutPath": log,
            "StandardErrorPath": log,
            "Umask": _READABLE_BY_OTHERS,
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": THROTTLE_SECONDS,
            "ExitTimeOut": STOP_SECONDS,
            "AbandonProcessGroup": False,
            # launchd throttles other types, and renders would exceed their time limits.
            "ProcessType": "Interactive",
        }
        head, root, rest = plistlib.dumps(document, sort_keys=False).decode().partition("<plist ")
        return f"{head}{_COMMENT}{root}{rest}"

    def install_steps(self, name: str, *, changed: bool, start: bool) -> list[Step]:
        """Enable and start; launchd reads the file on ``bootstrap`` and at login."""
        target = f"{self._domain}/{name}"
        steps = [Step(("launchctl", "enable", target))]
        if not start:
            return steps
        loaded = run_command(("launchctl", "print", target)).code == 0
        if loaded and not changed:
            kick = Step(("launchctl", "kickstart", target), accepted=(_IN_PROGRESS, _ALREADY))
            return [*steps, kick]
        if loaded:
            steps += self.stop_steps(name)
        bootstrap = Step(
            ("launchctl", "bootstrap", self._domain, str(self.file(name))),
            busy=(_INPUT_OUTPUT, _IN_PROGRESS, _ALREADY) if loaded else (),
            busy_seconds=_BOOTOUT_SECONDS,
        )
        return [*steps, bootstrap]

    def stop_steps(self, name: str) -> list[Step]:
        """Boot it out; a job that is not loaded counts as stopped."""
        command = ("launchctl", "bootout", f"{self._domain}/{name}")
        return [Step(command, accepted=(_NO_SUCH_PROCESS, _IN_PROGRESS, _NO_SERVICE))]

    def links(self, name: str) -> list[Path]:  # noqa: ARG002 - the port's signature
        """None: launchd reads the folder itself."""
        return []

    def forget_steps(self, name: str) -> list[Step]:  # noqa: ARG002 - the port's signature
        """None: launchd forgot the job when it was booted out."""
        return []

    def state(self, name: str) -> ServiceState:
        """The state as ``launchctl print`` reports it."""
        switches = run_command(("launchctl", "print-disabled", self._domain))
        if switches.error:
            return ServiceState(None, None, f"launchctl does not answer: {switches.error}")
        disabled = rf'^\s*"{re.escape(name)}" => (?:disabled|true)\s*$'
        enabled = not re.search(disabled, switches.output, re.MULTILINE)
        printed = run_command(("launchctl", "print", f"{self._domain}/{name}"))
        if printed.code:
            return ServiceState(enabled, active=False, description="not loaded")
        state, pid = _value("state", printed.output), _value("pid", printed.output)
        code = _value("last exit code", printed.output)
        if state != "running" and code.isdecimal():
            state += f", last exit code {code}"
        return ServiceState(enabled, pid.isdecimal(), state, int(pid) if pid.isdecimal() else None)

    def log_location(self, name: str) -> str:
        """The path of the log that launchd writes."""
        return str(log_file(name, self._home))

    def notes(self) -> list[str]:
        """A reminder that agents run only while their user is logged in."""
        return ["it runs while you are logged in, and starts when you log in"]


def _value(name: str, printed: str) -> str:
    """The first value of that name: inner tables repeat some of them further down."""
    match = re.search(rf"^\s*{name} = (.*?)\s*$", printed, re.MULTILINE)
    return match[1] if match else ""


def log_file(service_name: str, home: Path) -> Path:
    """The file to which launchd writes the daemon's output; Console shows this folder."""
    return home / "Library" / "Logs" / f"{service_name}.log"
