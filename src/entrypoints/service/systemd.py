"""systemd's user manager, by way of ``systemctl --user``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.service.manager import State, Step, asked
from entrypoints.service.systemd_unit import unit_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.service.definition import ServiceDefinition

_LINGERING = Path("/var/lib/systemd/linger")  # one empty file for each user who lingers
_FAILED, _NOT_LOADED = 1, 5  # exit codes of systemctl(1)
_PROPERTIES = "ActiveState,SubState,UnitFileState,MainPID,Result"


class Systemd:
    """The manager of services on Linux.

    Args:
        environ: for HOME and XDG_CONFIG_HOME.
        lingering: the folder that tells who lingers.
    """

    title = "systemd"

    def __init__(self, environ: Mapping[str, str], lingering: Path = _LINGERING) -> None:
        home = Path(environ.get("HOME") or Path.home())
        configured = environ.get("XDG_CONFIG_HOME", "")
        base = Path(configured) if configured.startswith("/") else home / ".config"
        self._folder = base / "systemd" / "user"
        self._lingering = lingering

    def file(self, name: str) -> Path:
        """In the folder that systemd.unit(5) gives to users."""
        return self._folder / f"{name}.service"

    def text(self, service: ServiceDefinition) -> str:
        """A unit."""
        return unit_text(service)

    def install_steps(self, name: str, *, changed: bool, start: bool) -> list[Step]:
        """A service that runs with an older file is started anew; its renders begin again."""
        steps = [_step("daemon-reload"), _step("enable", f"{name}.service")]
        if start:
            steps.append(_step("restart" if changed else "start", f"{name}.service"))
        return steps

    def stop_steps(self, name: str) -> list[Step]:
        """Stop it; one that was never loaded is as good as stopped."""
        return [_step("stop", f"{name}.service", accepted=(_NOT_LOADED,))]

    def links(self, name: str) -> list[Path]:
        """The one that ``enable`` made; ``disable`` needs a manager, and removing it does not."""
        return [self._folder / "default.target.wants" / f"{name}.service"]

    def forget_steps(self, name: str) -> list[Step]:
        """Read the folder again; a unit that failed would be remembered otherwise."""
        clean = _step("reset-failed", f"{name}.service", accepted=(_FAILED, _NOT_LOADED))
        return [clean, _step("daemon-reload")]

    def state(self, name: str) -> State:
        """As ``systemctl show`` tells it."""
        words = ("systemctl", "--user", "show", f"--property={_PROPERTIES}", f"{name}.service")
        answer = asked(words)
        if answer.trouble:
            return State(None, None, f"systemctl does not answer: {answer.trouble}")
        found = dict(line.partition("=")[::2] for line in answer.out.splitlines())
        sub, result = found.get("SubState", ""), found.get("Result", "success")
        pid = found.get("MainPID", "0")
        return State(
            enabled=found.get("UnitFileState", "").startswith("enabled"),
            active=found.get("ActiveState") in {"active", "reloading"},
            words=sub if result in {"", "success"} else f"{sub}: {result}",
            pid=int(pid) if pid.isdecimal() and int(pid) else None,
        )

    def log_words(self, name: str) -> str:
        """The journal."""
        return f"journalctl --user -u {name}"

    def remarks(self) -> list[str]:
        """A user's services end with the last session, unless the user lingers."""
        from getpass import getuser

        if (self._lingering / getuser()).exists():
            return []
        return ["it ends when you log out; 'loginctl enable-linger' lets it run from boot on"]


def _step(*words: str, accepted: tuple[int, ...] = ()) -> Step:
    return Step(("systemctl", "--user", *words), accepted=accepted)
