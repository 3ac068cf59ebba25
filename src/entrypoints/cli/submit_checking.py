"""Checking briefs before anything is added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from application.ports.prompt_intake import Submission
from domain.brief import ImageBrief
from domain.brief_parsing import parse_brief

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.brief import Brief
    from domain.kind import Kind
    from entrypoints.cli.submit_reading import Piece

_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Bad:
    """A brief that cannot be added, where it stands, and why."""

    where: str
    reason: str


@dataclass(slots=True)
class Checked:
    """Briefs, sorted."""

    good: list[Submission] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)


def checked(kind: Kind, pieces: Iterable[Piece], text: str | None = None) -> Checked:
    """Understand every brief, or say why not.

    Args:
        kind: of all of them.
        pieces: the JSON texts, and where each stands.
        text: what a person asked for; by default the brief's own words.
    """
    found = Checked()
    for piece in pieces:
        if piece.trouble:
            found.bad.append(Bad(piece.where, piece.trouble))
            continue
        parsed = parse_brief(kind, piece.content)
        if is_successful(parsed):
            found.good.append(_submission(kind, parsed.unwrap(), piece.content, text))
        else:
            found.bad.append(Bad(piece.where, parsed.failure().message))
    return found


def _submission(kind: Kind, brief: Brief, content: str, text: str | None) -> Submission:
    words = brief.prompt if isinstance(brief, ImageBrief) else _words_of_song(brief.title, brief)
    line = " ".join(words.split())
    title = line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"
    return Submission(kind, text or words, content, title)


def _words_of_song(title: str, brief: Brief) -> str:
    if isinstance(brief, ImageBrief) or title != "Untitled":
        return title
    lyrics = "\n".join(section.lyrics for section in brief.sections)
    return next((line.strip() for line in lyrics.splitlines() if line.strip()), title)
