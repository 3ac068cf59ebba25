"""Song text as people write it: lines, and markers such as ``[Chorus]`` between the sections."""

from __future__ import annotations

import itertools
import re
from typing import Final

from domain.brief import Section
from domain.brief_values import shows_nothing

DEFAULT_TYPE: Final = "verse"
MOST_SECTIONS: Final = 1_000  # that one text is divided into

_PART = (
    "verse|pre-?chorus|post-?chorus|chorus|bridge|intro|outro|hook|refrain|interlude|instrumental"
    "|solo|breakdown|break|drop|coda|tag|rap|spoken|vamp|build|ending|end|opening|strophe"
)
_NAMES_PART = re.compile(rf"\b(?:{_PART})(?![A-Za-z])", re.IGNORECASE)
_ONLY_PARTS = re.compile(rf"(?:(?:{_PART})(?![A-Za-z])|[^A-Za-z])++", re.IGNORECASE)
_MARKER = re.compile(
    r"^[ \t]*+[*_#]*+[ \t]*+(?:"
    r"\[(?P<bracketed>[^\]\[\n]{1,60})\][ \t]*+[*_:]*+"
    r"|(?=[^:\n]{3,30}:)"
    rf"(?P<plain>(?:{_PART})(?:[ \t]*+[0-9]{{1,2}})?)[ \t]*+:[ \t]*+[*_]*+[ \t]*+$"
    r")",
    re.IGNORECASE | re.MULTILINE,
)


def section_type(written: str) -> str:
    """A section's type on one line and without brackets; "verse" when nothing is left."""
    kept = " ".join(written.replace("[", " ").replace("]", " ").split())
    return DEFAULT_TYPE if shows_nothing(kept) else kept


def tidy_lines(text: str) -> str:
    r"""Lines without white space behind them, ``\n`` between, no blank ones at either end."""
    lines = "\n".join([line.rstrip() for line in text.splitlines()]).strip("\n")
    return "" if shows_nothing(lines) else lines


def names_parts_only(text: str) -> bool:
    """Whether a text is a song's form ("verse, chorus, verse") and nothing to sing."""
    return _ONLY_PARTS.fullmatch(text) is not None and _NAMES_PART.search(text) is not None


def has_marker(text: str) -> bool:
    """Whether a line of the text begins a section by name."""
    return bool(_markers("\n".join(text.splitlines())))


def split_sections(text: str) -> list[Section]:
    """The sections that markers divide a text into; all of it one verse where there are none."""
    lines = "\n".join(text.splitlines())
    markers = _markers(lines)
    ends = [marker.start() for marker in markers] + [len(lines)]
    before = tidy_lines(lines[: ends[0]])
    sections = [Section(DEFAULT_TYPE, before)] if before or not markers else []
    for marker, end in zip(markers, itertools.islice(ends, 1, None), strict=True):
        written = marker["bracketed"] or marker["plain"]
        sections.append(
            Section(section_type(written), tidy_lines(lines[marker.end() : end].lstrip(" \t")))
        )
    return sections


def _markers(lines: str) -> list[re.Match[str]]:
    """The markers in a text; those beyond the bound stay in it as lines."""
    named = (
        marker
        for marker in _MARKER.finditer(lines)
        if marker["plain"] or _NAMES_PART.search(marker["bracketed"])
    )
    return list(itertools.islice(named, MOST_SECTIONS))
