"""systemd's user manager: ``systemctl --user``, and the text of a user unit.

Facts: systemd.service(5), systemd.kill(5), systemd.exec(5), and systemd.syntax(7) for quoting.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.service.manager import ServiceState, Step, run_command
from entrypoints.service.service_definition import MARK, STOP_SECONDS, THROTTLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.service.service_definition import ServiceDefinition

_LINGERING = Path("/var/lib/systemd/linger")  # one empty file for each user who lingers
_FAILED, _NOT_LOADED = 1, 5  # exit codes of systemctl(1)
_PROPERTIES = "ActiveState,SubState,UnitFileState,MainPID,Result"
_WATCHDOG_SECONDS = 60
_START_SECONDS = 120  # the daemon first recovers the work that its predecessor left
_CONFIGURATION_ERROR = 2  # the exit code; another start would fail the same way
_REFUSED_IN_PATHS = frozenset("\"'\\")
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")

_UNIT = """\
# {mark}; the next install overwrites it.
# Make your own changes with: systemctl --user edit {name}

[Unit]
Description=Media Generator, a render queue for ComfyUI ({name})

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=%h
{environment}UMask=0022
SyslogIdentifier={name}

Restart=on-failure
RestartSec={throttle}
RestartPreventExitStatus={wrong}
TimeoutStartSec={start}
WatchdogSec={watchdog}

# SIGTERM to the daemon alone, which stops its renders; then SIGKILL to everything that is left.
KillMode=mixed
TimeoutStopSec={stop}
# When a render runs out of memory, the daemon handles it.
OOMPolicy=continue

NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


class Systemd:
    """The service manager of Linux.

    Args:
        environ: the environment, of which HOME and XDG_CONFIG_HOME are used.
        lingering: the folder with an empty file for each user who lingers.
    """

    title = "systemd"

    def __init__(self, environ: Mapping[str, str], lingering: Path = _LINGERING) -> None:
        home = Path(environ.get("HOME") or Path.home())
        configured = environ.get("XDG_CONFIG_HOME", "")
        base = Path(configured) if configured.startswith("/") else home / ".config"
        self._folder = base / "systemd" / "user"
        self._lingering = lingering

    def file(self, name: str) -> Path:
        """A unit in the folder that systemd.unit(5) names for users."""
        return self._folder / f"{name}.service"

    def text(self, service: ServiceDefinition) -> str:
        """The text of the unit."""
        return _UNIT.format(
            mark=MARK,
            name=service.name,
            command=_command_line(service.command),
            environment="".join(
                f"Environment={quote(f'{name}={value}')}\n"
                for name, value in sorted(service.environment.items())
            ),
            throttle=THROTTLE_SECONDS,
            wrong=_CONFIGURATION_ERROR,
            start=_START_SECONDS,
            watchdog=_WATCHDOG_SECONDS,
            stop=STOP_SECONDS,
        )

    def install_steps(self, name: str, *, changed: bool, start: bool) -> list[Step]:
        """Reload, enable and start; a service that runs with an older file is restarted."""
        steps = [_step("daemon-reload"), _step("enable", f"{name}.service")]
        if start:
            steps.append(_step("restart" if changed else "start", f"{name}.service"))
        return steps

    def stop_steps(self, name: str) -> list[Step]:
        """Stop it; a service that was never loaded counts as stopped."""
        return [_step("stop", f"{name}.service", accepted=(_NOT_LOADED,))]

    def links(self, name: str) -> list[Path]:
        """The link that ``enable`` made; removing it needs no manager, unlike ``disable``."""
        return [self._folder / "default.target.wants" / f"{name}.service"]

    def forget_steps(self, name: str) -> list[Step]:
        """Reset and reload; a unit that failed would be remembered otherwise."""
        clean = _step("reset-failed", f"{name}.service", accepted=(_FAILED, _NOT_LOADED))
        return [clean, _step("daemon-reload")]

    def state(self, name: str) -> ServiceState:
        """The state as ``systemctl show`` reports it."""
        command = ("systemctl", "--user", "show", f"--property={_PROPERTIES}", f"{name}.service")
        result = run_command(command)
        if result.error:
            return ServiceState(None, None, f"systemctl does not answer: {result.error}")
        properties = dict(line.partition("=")[::2] for line in result.output.splitlines())
        substate, reason = properties.get("SubState", ""), properties.get("Result", "success")
        pid = properties.get("MainPID", "0")
        return ServiceState(
            enabled=properties.get("UnitFileState", "").startswith("enabled"),
            active=properties.get("ActiveState") in {"active", "reloading"},
            description=substate if reason in {"", "success"} else f"{substate}: {reason}",
            pid=int(pid) if pid.isdecimal() and int(pid) else None,
        )

    def log_location(self, name: str) -> str:
        """The command that shows the journal."""
        return f"journalctl --user -u {name}"

    def notes(self) -> list[str]:
        """A reminder to enable lingering: without it, services end with the last session."""
        from getpass import getuser

        if (self._lingering / getuser()).exists():
            return []
        return ["it stops when you log out; 'loginctl enable-linger' keeps it running from boot"]


def _step(*words: str, accepted: tuple[int, ...] = ()) -> Step:
    return Step(("systemctl", "--user", *words), accepted=accepted)


def quote(word: str) -> str:
    """One word with quotes, backslashes and specifiers escaped, as systemd reads it.

    Variables are not: ``$`` means nothing in ``Environment=``.
    """
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _command_line(words: tuple[str, ...]) -> str:
    """The words in one line.

    The colon in front turns variables off (systemd 244 and later, so only where it is needed):
    the program's own path cannot be written with ``$$``.
    """
    line = " ".join(map(quote, _shell_command(words)))
    return f":{line}" if "$" in line else line


def _shell_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """Start a program whose path systemd refuses ("special characters") through a shell."""
    if _REFUSED_IN_PATHS.isdisjoint(words[0]):
        return words
    return ("/bin/sh", "-c", 'exec "$0" "$@"', *words)
