"""What is wrong with the settings of what is served, of which every value is fine by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entrypoints.settings.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entrypoints.settings.model import Settings

_SHORTEST: Final = 12  # characters; what can be guessed guards nothing
_KEY: Final = "web.token"


def web_problems(settings: Settings, where: Callable[[str], str]) -> Iterator[Problem]:
    """Every problem.

    Args:
        settings: all of them.
        where: the place of a key, for people.
    """
    token = settings.web.token
    if token is None:
        return
    fix = "Take one that nobody can guess, such as the output of: openssl rand -hex 16"
    if len(token) < _SHORTEST:
        what = f"{_KEY} has fewer than {_SHORTEST} characters"
        yield Problem(where(_KEY), what, fix, _KEY)
    elif not (token.isascii() and token.isprintable()) or " " in token:
        what = f"{_KEY} holds spaces or letters beyond ASCII, which an HTTP header cannot carry"
        yield Problem(where(_KEY), what, fix, _KEY)
