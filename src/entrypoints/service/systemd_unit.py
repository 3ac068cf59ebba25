"""The text of a systemd user unit.

Facts: systemd.service(5), systemd.kill(5), systemd.exec(5), and systemd.syntax(7) for quoting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from entrypoints.service.definition import MARK, STOP_SECONDS, THROTTLE_SECONDS

if TYPE_CHECKING:
    from entrypoints.service.definition import ServiceDefinition

WATCHDOG_SECONDS = 60
_START_SECONDS = 120  # the daemon first takes over what its predecessor left
_CONFIGURATION_IS_WRONG = 2  # the exit code; another start would change nothing
_REFUSED = frozenset("\"'\\")
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")

_UNIT = """\
# {mark}; a new install writes it anew.
# Changes of yours belong in: systemctl --user edit {name}

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

# SIGTERM to the daemon alone, which stops its renders in good order; then SIGKILL to all of them.
KillMode=mixed
TimeoutStopSec={stop}
# A render that runs out of memory is a matter between it and the daemon.
OOMPolicy=continue

NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def unit_text(service: ServiceDefinition) -> str:
    """The whole file."""
    return _UNIT.format(
        mark=MARK,
        name=service.name,
        command=_command_line(service.command),
        environment="".join(
            f"Environment={quoted(f'{name}={value}')}\n"
            for name, value in sorted(service.environment.items())
        ),
        throttle=THROTTLE_SECONDS,
        wrong=_CONFIGURATION_IS_WRONG,
        start=_START_SECONDS,
        watchdog=WATCHDOG_SECONDS,
        stop=STOP_SECONDS,
    )


def quoted(word: str) -> str:
    """One word as systemd reads it back: quotes, backslashes and specifiers escaped.

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
    line = " ".join(map(quoted, _startable(words)))
    return f":{line}" if "$" in line else line


def _startable(words: tuple[str, ...]) -> tuple[str, ...]:
    """Let a shell be replaced by a program whose path systemd refuses ("special characters")."""
    if _REFUSED.isdisjoint(words[0]):
        return words
    return ("/bin/sh", "-c", 'exec "$0" "$@"', *words)
