"""Searching texts by words: what counts as a word, and what a search asks for.

Every database is given words that were cut and folded here, so that all of them find the same.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_WORDS: Final = 4_000
"""Words of one text that can be found; a song has a few hundred."""

MAX_TERMS: Final = 32
"""Terms of one search."""

# Scripts without spaces between words: each character counts as a word.
_CHARACTERS: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+")
_TERM: Final = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
_MIN_TYPED: Final = 2  # letters that may be the beginning of a word
_MAX_DEPTH: Final = 20  # of the JSON in a writing
_MAX_WORD: Final = 100  # characters


class EmptySearchError(ValueError):
    """A search without a word to look for."""


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """What a text must contain, or must not.

    Attributes:
        words: folded; they must stand side by side in this order.
        is_prefix: whether the last word is only the beginning of one.
        is_excluded: whether the text must not contain them.
    """

    words: tuple[str, ...]
    is_prefix: bool = False
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """A search: every term counts."""

    terms: tuple[SearchTerm, ...]

    @classmethod
    def of_text(cls, text: str, *, is_typed: bool = False) -> Search:
        """What a person typed: ``lake "at dawn" -crowd mount*``.

        Args:
            text: the search.
            is_typed: whether a word of two letters or more at its end may be the beginning of one,
                since the person may still be typing.

        Raises:
            EmptySearchError: there is no word in it, or only words to exclude.
        """
        terms = []
        for match in _TERM.finditer(text):
            minus, phrase, word = match.groups(default="")
            words = words_of(phrase or word)
            if words:
                is_last = is_typed and match.end() == len(text) and text[-1].isalnum()
                is_unfinished = is_last and not minus and len(words[-1]) >= _MIN_TYPED
                is_prefix = word.endswith("*") or is_unfinished
                terms.append(SearchTerm(tuple(words), is_prefix, bool(minus)))
        if all(term.is_excluded for term in terms):
            message = "there is no word to look for; write one or more, such as: lake dawn"
            raise EmptySearchError(message)
        return cls(tuple(dict.fromkeys(terms[:MAX_TERMS])))


def words_of(text: str) -> list[str]:
    """The words of a text, without case and accents, in order."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return [word[:_MAX_WORD] for word in _WORD.findall(text.casefold())]


def searchable_text(request: str, content: str) -> str:
    """The words of a prompt, with spaces between: of the request and of its writing.

    Args:
        request: the prompt as a person wrote it.
        content: of the writing: JSON, of which only the values count, or any text.
    """
    words = words_of(request)
    words += words_of(_values_of(content))
    return " ".join(words[:MAX_WORDS])


def _values_of(content: str) -> str:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    texts: list[str] = []
    _collect(document, texts, _MAX_DEPTH)
    return "\n".join(texts)


def _collect(value: object, texts: list[str], depth: int) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif depth and isinstance(value, dict):
        for member in value.values():
            _collect(member, texts, depth - 1)
    elif depth and isinstance(value, list):
        for member in value:
            _collect(member, texts, depth - 1)
