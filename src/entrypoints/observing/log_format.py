"""How lines look: for people, or as JSON."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import structlog

from entrypoints.cli.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any, TextIO

    from entrypoints.settings.model import Logging

_LONGEST: Final = 1_000  # characters of one field
_FIRST: Final = ("timestamp", "level", "event")


def formatter(section: Logging, stream: TextIO, environ: Mapping[str, str]) -> logging.Formatter:
    """The formatter that the settings ask for.

    Args:
        section: of the settings.
        stream: where lines go when they go to no file.
        environ: ``NO_COLOR`` (no-color.org) and ``TERM`` count.
    """
    terminal = section.file is None and stream.isatty()
    human = section.format == "human" or (section.format == "auto" and terminal)
    colours = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    renderer = (
        structlog.dev.ConsoleRenderer(
            colors=colours,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
        if human
        else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )


def bound_logger(handler: logging.Handler) -> structlog.stdlib.BoundLogger:
    """A logger of its own, beside the ones that everybody shares, with that one handler."""
    logger = logging.Logger("mediagen")  # noqa: LOG001 - nothing global, and nothing handed up
    logger.addHandler(handler)
    return structlog.stdlib.BoundLogger(
        logger,
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _in_order,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        context={},
    )


def _in_order(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The same keys first in every line; every text on one line, and none of them endless."""
    first = {key: event.pop(key) for key in _FIRST}
    return first | {key: _tame(value) for key, value in event.items()}


def _tame(value: object) -> object:
    return one_line(value)[:_LONGEST] if isinstance(value, str) else value
