"""What is said of a pause, wherever one is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.failure import FailureCode
from entrypoints.cli.moments import with_age
from entrypoints.cli.printable import one_line

if TYPE_CHECKING:
    from application.ports.queue_controls import Pause


def pause_document(pause: Pause) -> dict[str, object]:
    """A pause for JSON."""
    return {
        "by": pause.by.value,
        "reason": pause.reason,
        "code": pause.code or None,
        "hint": _hint(pause) or None,
        "since": pause.since,
        "suspects": pause.suspects,
    }


def pause_sentence(pause: Pause) -> str:
    """By whom, since when and why, on one line."""
    who = "a person" if pause.by == "person" else "the environment"
    code = f"{pause.code}: " if pause.code else ""
    return f"paused by {who} since {with_age(pause.since)}: {code}{one_line(pause.reason)}"


def pause_remedy(pause: Pause) -> str:
    """What to do about it."""
    if pause.by == "person":
        return "The queue is paused; 'mediagen resume' ends that."
    hint = _hint(pause)
    told = f"{hint} " if hint and hint not in pause.reason else ""
    return (
        f"{told}Once it is mended (see 'mediagen doctor'), 'mediagen run' tries one prompt at"
        " once, and goes on when that succeeds."
    )


def _hint(pause: Pause) -> str:
    return FailureCode(pause.code).hint if pause.code in set(FailureCode) else ""
