"""A brief that is understood, as a prompt and its writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from application.ports.prompt_intake import Submission
from domain.brief import ImageBrief

if TYPE_CHECKING:
    from domain.brief import Brief
    from domain.kind import Kind

_LONGEST_TITLE: Final = 80


def submission(kind: Kind, brief: Brief, content: str, text: str | None) -> Submission:
    """What comes into the queue.

    Args:
        kind: of the media wanted.
        brief: what the writing says.
        content: the writing, JSON text.
        text: what a person asked for; by default the brief's own words.
    """
    words = brief.prompt if isinstance(brief, ImageBrief) else _words_of_song(brief.title, brief)
    return Submission(kind, text or words, content, short_title(words))


def short_title(words: str) -> str:
    """The words on one line of 80 characters at most."""
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"


def _words_of_song(title: str, brief: Brief) -> str:
    if isinstance(brief, ImageBrief) or title != "Untitled":
        return title
    lyrics = "\n".join(section.lyrics for section in brief.sections)
    return next((line.strip() for line in lyrics.splitlines() if line.strip()), title)
