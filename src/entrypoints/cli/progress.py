"""Which progress is shown: drawn on a terminal, a line for each prompt, or JSON lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType

    from application.ports.events import Event


class RunProgress(Protocol):
    """Listens to a run, from its beginning to its end."""

    def __enter__(self) -> object:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End showing."""
        ...

    def expect(self, total: int) -> None:
        """Take note of how many prompts are pending."""
        ...

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        ...


def chosen_progress(*, as_json: bool) -> RunProgress:
    """The progress that suits whoever reads standard output."""
    if as_json:
        from entrypoints.cli.progress_json import JsonProgress

        return JsonProgress()
    if sys.stdout.isatty():
        from entrypoints.cli.progress_live import LiveProgress

        return LiveProgress()
    from entrypoints.cli.progress_lines import LineProgress

    return LineProgress()
