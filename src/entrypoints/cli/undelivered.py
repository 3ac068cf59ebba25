"""Saying what hooks are still to be told when a command ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.prompt_repository import RepositoryError
from entrypoints.cli.progress import say

if TYPE_CHECKING:
    from application.notify import Notifier


def say_what_is_left(notifier: Notifier) -> None:
    """Say how much hooks are still to be told, if anything."""
    try:
        waiting = notifier.counts().waiting
    except RepositoryError:
        return
    if waiting:
        say(
            f"mediagen: notices that hooks are still to get: {waiting}; that is tried again"
            " while Media Generator runs",
            err=True,
        )
