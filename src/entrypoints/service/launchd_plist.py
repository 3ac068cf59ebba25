"""The property list of a launchd agent.

Facts: launchd.plist(5). launchd has no watchdog, no word for "ready", and knows no exit code after
which another start is useless; what it kills when the job ends is the job's own process group.
"""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING

from entrypoints.service.definition import MARK, STOP_SECONDS, THROTTLE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from entrypoints.service.definition import ServiceDefinition

_READABLE_BY_OTHERS = 0o022  # the web server is another user
_COMMENT = f"<!-- {MARK}; a new install writes it anew. -->\n"


def log_file(service_name: str, home: Path) -> Path:
    """Where launchd puts what the daemon prints; Console shows this folder."""
    return home / "Library" / "Logs" / f"{service_name}.log"


def plist_text(service: ServiceDefinition) -> str:
    """The whole file."""
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
        # Any other type has its processors and disk throttled, and the time limits of a render
        # are those of a terminal.
        "ProcessType": "Interactive",
    }
    head, root, rest = plistlib.dumps(document, sort_keys=False).decode().partition("<plist ")
    return f"{head}{_COMMENT}{root}{rest}"
