"""Checking briefs before anything is added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from domain.brief_parsing import parse_brief
from entrypoints.submitting.submission import submission

if TYPE_CHECKING:
    from collections.abc import Iterable

    from application.ports.prompt_intake import Submission
    from domain.kind import Kind
    from entrypoints.cli.submit_reading import Piece


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
            found.good.append(submission(kind, parsed.unwrap(), piece.content, text))
        else:
            found.bad.append(Bad(piece.where, parsed.failure().message))
    return found
