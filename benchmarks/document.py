"""Insert figures into a document, between marker comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_END = "<!-- /bench -->"
_PLACE = re.compile(r"<!-- bench:(?P<name>[\w-]+) -->\n.*?<!-- /bench -->", re.DOTALL)
_MARK = re.compile(r"<!-- (?:bench:[\w-]+|/bench) -->")


class DocumentError(Exception):
    """The document has no valid place for a report; the message says which."""


def rewritten(text: str, reports: Mapping[str, str]) -> str:
    """The document with these reports in their places; everything else is unchanged.

    Args:
        text: contains a place for each report: ``<!-- bench:NAME -->``, lines,
            ``<!-- /bench -->``.
        reports: Markdown by name.

    Raises:
        DocumentError: a report has no place or several, or a marker has no counterpart.
    """
    places = [match["name"] for match in _PLACE.finditer(text)]
    if len(_MARK.findall(text)) != 2 * len(places):
        raise DocumentError(f"a bench mark has no partner; each place ends with {_END}")
    for name in reports:
        if places.count(name) != 1:
            raise DocumentError(
                f"the document must have one place <!-- bench:{name} -->, not {places.count(name)}"
            )
        if _MARK.search(reports[name]):
            raise DocumentError(f"the report {name} holds a bench mark itself")

    def filled(match: re.Match[str]) -> str:
        report = reports.get(match["name"])
        if report is None:
            return match[0]
        return f"<!-- bench:{match['name']} -->\n\n{report.strip()}\n\n{_END}"

    return _PLACE.sub(filled, text)
