"""Hostile writings are processed quickly, and end in a brief or a failure."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from domain.brief import ImageBrief, LyricsBrief
from domain.brief_parser import parse_brief
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

# Processor time; an idle machine takes a fiftieth, and quadratic time would take hours.
SECONDS = 10.0
SIZE = 200_000
FULL_SIZE = 1_000_000
# Made when needed: together they fill 60 MB.
HOSTILE: dict[str, Callable[[], str]] = {
    "braces": lambda: "{" * SIZE,
    "lists in lists": lambda: "[" * 100_000 + "]" * 100_000,
    "lists in an object": lambda: '{"prompt": "x", "e": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "objects in objects": lambda: '{"a":' * 100_000 + "1" + "}" * 100_000,
    "objects never closed": lambda: '{"a":' * 100_000,
    "lists of objects never closed": lambda: "[{" * 100_000,
    "digits": lambda: '{"prompt": "x", "seed": ' + "9" * SIZE + "}",
    "prose": lambda: "a" * SIZE,
    "quotes": lambda: '"' * SIZE,
    "names never closed": lambda: '{"' * (SIZE // 2),
    "names, wrongly escaped": lambda: '{"\\' * (SIZE // 3),
    "one string never closed": lambda: '"{\\' * (SIZE // 3),
    "comments never closed": lambda: "{/*" * (SIZE // 3),
    "comments in broken objects": lambda: '{"a":/*}' * (SIZE // 8),
    "white space": lambda: "{" + " " * SIZE,
    "line ends": lambda: "{\n" * (SIZE // 2),
    "broken objects": lambda: '{"a": 1 "b"}' * (SIZE // 12),
    "objects": lambda: '{"prompt": "x"}' * (SIZE // 15),
    "encoded objects": lambda: '"{\\"prompt\\": \\"x\\"}"' * (SIZE // 20),
    "encoded lists": lambda: json.dumps(json.dumps({"a": [1] * 2000})) * 800,
    "values": lambda: '{"prompt": "x", "a": [' + "1," * (SIZE // 2) + "]}",
    "names that come again": lambda: "{" + '"prompt": "x",' * (SIZE // 14) + "}",
    "a width of blanks": lambda: json.dumps({"prompt": "x", "width": "1" + " " * SIZE + "!"}),
    "tags": lambda: json.dumps({"prompt": "x", "style_tags": "a," * (SIZE // 2)}),
    "lines": lambda: json.dumps({"lyrics": "a\n" * (SIZE // 2)}),
    "sections": lambda: json.dumps({"lyrics": "[Verse]\na\n" * (SIZE // 10)}),
    "colons": lambda: json.dumps({"lyrics": "a: b\n" * (SIZE // 20)}),
    "repeats": lambda: json.dumps({"lyrics": "la\n" * 5_000 + "(repeat verse)\n" * (SIZE // 20)}),
    "lines sung often": lambda: json.dumps({"lyrics": "a x9\n" * (SIZE // 20)}),
    "parts": lambda: json.dumps({"lyrics": {f"verse {number}": "a" for number in range(19_000)}}),
    "names": lambda: json.dumps({f"Verse-{number} A": 1 for number in range(19_000)}),
    "brackets": lambda: json.dumps({"lyrics": "[" * SIZE}),
    "reasoning never closed": lambda: "<think>" * (SIZE // 7) + '{"prompt": "x"}',
    "marks of reasoning": lambda: '<think>{"a</think>' * (SIZE // 18),
    "objects before a mark": lambda: '{"a": 1}' * (SIZE // 8) + "</think>",
    "escaped once more": lambda: "{\\n" * (SIZE // 3),
    "texts in single quotes": lambda: "{'" * (SIZE // 2),
    "texts in curly quotes": lambda: "{“a” :“" * (SIZE // 7),
    "a ratio": lambda: json.dumps({"prompt": "x", "aspect_ratio": "1:1 wide " * (SIZE // 9)}),
    "a form": lambda: json.dumps({"structure": "verse " * (SIZE // 6) + "x"}),
}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_writings_end_soon(name: str, kind: Kind) -> None:
    """Depth, length and repetition cost no more than linear time, and never raise."""
    content = HOSTILE[name]()
    began = time.process_time()
    outcome = parse_brief(kind, content)
    assert time.process_time() - began < SECONDS
    if not is_successful(outcome):
        assert len(outcome.failure().message) < 1_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", Kind)
def test_hostile_writings_of_full_size_end_soon(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Still fast at five times the size."""
    monkeypatch.setattr(sys.modules[__name__], "SIZE", FULL_SIZE)
    for name in HOSTILE:
        test_hostile_writings_end_soon(name, kind)


def test_a_long_prompt_is_understood() -> None:
    """Length alone is no reason to refuse a prompt."""
    content = json.dumps({"prompt": "é\n" * (SIZE // 4)})
    found = parse_brief(Kind.IMAGE, content).unwrap()
    assert isinstance(found, ImageBrief)
    assert found.prompt == "é\n" * (SIZE // 4)


def test_no_line_of_a_long_song_is_lost() -> None:
    """Beyond the bound on sections the markers stay in the lyrics."""
    found = parse_brief(Kind.AUDIO, json.dumps({"lyrics": "[Verse]\nla\n" * 1_500})).unwrap()
    assert isinstance(found, LyricsBrief)
    assert len(found.sections) == 1_000
    assert found.lyrics.count("la") == 1_500
