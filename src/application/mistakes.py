"""Naming a mistake of our own without its words, in which a brief may be quoted."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


def what_and_where(error: BaseException) -> str:
    """The type of an exception, and the place that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {_place(trace)}"
    return f"{type(error).__name__}{where}"


def _place(trace: TracebackType) -> str:
    code = trace.tb_frame.f_code
    return f"{PurePath(code.co_filename).name}:{trace.tb_lineno} in {code.co_name}"
