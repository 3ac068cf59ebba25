"""From the content of a writing to a brief: tolerant, but never guessing."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Result, Success

from domain.brief import BRIEF_FIELDS, Brief, ImageBrief, Section
from domain.brief_json import MAX_OBJECTS, FoundJson, find_json
from domain.brief_song import SOURCES, read_song
from domain.brief_values import (
    Json,
    Members,
    described,
    is_blank,
    note,
    notes_on_members,
    number_text,
    read_fields,
    read_format,
    read_size,
    with_canonical_names,
)
from domain.failure import Failure, FailureCode
from domain.json_reader import ValueBudget
from domain.prompt import Kind
from domain.song_sections import is_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.brief_values import FieldsRead

Content = str | bytes | int | float | None

# Names of a picture's prompt besides "prompt", in texts that have none under that name.
_PROMPTS: Final = ("positive_prompt", "image_prompt", "text_prompt", "main_prompt", "final_prompt")
_SIZES: Final = (
    *("resolution", "size", "dimensions", "dimension", "image_size", "picture_size"),
    *("output_size", "canvas_size", "target_size", "image_dimensions", "image_resolution"),
)
_SIZE_HOLDERS: Final = next(
    spec.objects for spec in BRIEF_FIELDS[Kind.IMAGE] if spec.name == "width"
)
_REQUIRED: Final = {Kind.IMAGE: frozenset({"prompt"}), Kind.AUDIO: frozenset(SOURCES)}
# A name with words behind it, in a broken object: another brief, and no example of one.
_MEANT: Final = {
    Kind.IMAGE: re.compile(r"prompt['\"”’]?\s*[:：]\s*['\"“‘]\s*[^\W\d_]", re.IGNORECASE),  # noqa: RUF001
    Kind.AUDIO: re.compile(r"lyrics?['\"”’]?\s*[:：]\s*['\"“‘\[{]", re.IGNORECASE),  # noqa: RUF001
}
# Names under which an object with other members may hold a whole brief: those of the briefs, of
# answers, and of calls of functions and chat messages in the forms of the usual APIs.
_WRAPPERS: Final = (
    *("image_prompt", "lyrics_prompt", "image", "song", "lyrics_brief", "image_brief", "brief"),
    *("result", "output", "response", "answer", "final", "final_answer", "data", "json", "payload"),
    *("arguments", "args", "parameters", "input", "properties", "function", "function_call"),
    *("tool_call", "tool_calls", "choices", "message", "messages", "content", "text", "value"),
)
_MAX_WRAPPERS: Final = 8
_PLACEHOLDER: Final = re.compile(r"\W*(?:\.{3}|…)\W*|\s*<[^<>:]{1,60}>\s*")

_SURROGATE = re.compile("[\ud800-\udfff]")
# NUL ends an argument on every operating system; a lone surrogate has no UTF-8 form.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
# SQLite keeps whatever bytes a program bound as a BLOB; Windows programs bind UTF-16.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


def parse_brief(kind: Kind, content: Content) -> Result[Brief, Failure]:
    """The brief that a writing holds (contract, section 2), or why it holds none.

    Never raises; takes time linear in the length of the content. Every text in the brief can be
    encoded as UTF-8 and contains no NUL; an image's prompt is not blank, and at least one section
    of a song has lyrics.

    Args:
        kind: the kind of media that the prompt asks for.
        content: of ``writings.content`` (contract, sections 1 and 2). Bytes are UTF-8, or UTF-16
            with a byte-order mark. In ``str`` a lone surrogate stands for a byte that is not
            valid UTF-8 (Python's ``surrogateescape``).
    """
    text = _text_of(content)
    if not is_successful(text):
        return Failed(text.failure())
    search = _Search(kind, ValueBudget())
    values = search.find(text.unwrap())
    candidates = (document for value in values for document in search.within(value))
    documents = list(islice(candidates, MAX_OBJECTS + 1))
    if len(documents) > MAX_OBJECTS:
        return _not_json(f"the writing holds more than {MAX_OBJECTS:,} objects; keep one")
    # If none is usable, the object that was meant as the brief has the most helpful problem.
    documents.sort(key=_REQUIRED[kind].isdisjoint)
    read = _read_image if kind is Kind.IMAGE else read_song
    outcomes = [read(document).bind(_validated) for document in documents]
    usable = [outcome.unwrap() for outcome in outcomes if is_successful(outcome)]
    if not usable:
        return _unusable(search.problem, outcomes)
    if any(brief != usable[0] for brief in usable[1:]):
        return _not_json("the writing is ambiguous: it holds several different briefs; keep one")
    if search.other:
        return _not_json(f"the writing holds a brief and a part of another one: {search.other}")
    unused = len(outcomes) - len(usable)
    return Success(_with_note(usable[0], unused) if unused else usable[0])


def _unusable(problem: str, outcomes: list[Result[Brief, Failure]]) -> Result[Brief, Failure]:
    if problem or not outcomes:
        return _not_json(problem or "no object in the writing can be a brief")
    return outcomes[0]


def _with_note(brief: Brief, unused: int) -> Brief:
    count = "1 other object" if unused == 1 else f"{unused} other objects"
    return replace(brief, notes=(*brief.notes, note("not used", [f"{count} in the writing"])))


def _not_json(message: str) -> Result[Brief, Failure]:
    return Failed(Failure(FailureCode.BRIEF_NOT_JSON, message))


def _text_of(content: Content) -> Result[str, Failure]:
    """The text of a writing, without lone surrogates and not blank."""
    if content is None:
        return _no_text(FailureCode.BRIEF_MISSING, "the writing holds NULL")
    if isinstance(content, bytes):
        return _decoded(content)
    if not isinstance(content, str):
        message = "the writing holds a number instead of text with an object"
        return _no_text(FailureCode.BRIEF_NOT_JSON, message)
    if not content.isascii() and (lone := _SURROGATE.search(content)):
        return _badly_encoded("UTF-8", len(content[: lone.start()].encode()))
    if is_blank(content):
        return _no_text(FailureCode.BRIEF_MISSING, "the writing is blank")
    return Success(content)


def _decoded(content: bytes) -> Result[str, Failure]:
    marks = (row for row in _BYTE_ORDER_MARKS if content.startswith(row[0]))
    mark, encoding, name = next(marks, (b"", "utf-8", "UTF-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        return _badly_encoded(name, len(mark) + error.start)
    return _text_of(text)


def _badly_encoded(encoding: str, offset: int) -> Result[str, Failure]:
    return _no_text(
        FailureCode.BRIEF_NOT_TEXT,
        f"the writing is not valid {encoding}: the first invalid byte is at byte offset {offset}",
    )


def _no_text(code: FailureCode, message: str) -> Result[str, Failure]:
    return Failed(Failure(code, message))


@dataclass(slots=True)
class _Search:
    """Finds the objects in a writing that may be its brief.

    Attributes:
        kind: the kind of media that the prompt asks for.
        budget: of values in the writing.
        problem: where and why JSON is broken, or "".
        other: where a broken object is that may be another brief, or "".
    """

    kind: Kind
    budget: ValueBudget
    problem: str = ""
    other: str = ""

    def find(self, text: str) -> list[Json]:
        """The values in a text, with canonical names."""
        json: FoundJson = find_json(text, self.budget)
        self.problem = self.problem or json.problem
        if json.cut_off or any(map(_MEANT[self.kind].search, json.broken)):
            self.other = self.other or json.problem
        return list(map(with_canonical_names, json.values))

    def within(self, value: Json, wrappers: int = 0) -> Iterator[Members]:
        """The objects in a value: in lists, wrapper objects and JSON in text.

        A wrapper is an object that lacks the required field of the kind and has only one member
        (``{"result": {...}}``, ``{"result": "{...}"}``) or some under usual names for a brief
        (``{"content_type": ..., "image_prompt": {...}}``); or whose only member holds the required
        field. The other members of a wrapper complete the wrapped object.

        Args:
            value: with canonical names.
            wrappers: number of wrappers around the value.
        """
        if isinstance(value, list):
            yield from self._in_list(value, wrappers)
        elif isinstance(value, Members):
            names = _wrapped(self.kind, value) if wrappers < _MAX_WRAPPERS else []
            documents: list[Members] = []
            for name in names:
                inner = value[name]
                if isinstance(inner, str):
                    inner = self.find(inner) if "{" in inner else None
                documents += self.within(inner, wrappers + 1)
            for document in documents:
                for sibling, member in value.items():
                    if sibling not in {*names, *document}:
                        document.put(sibling, member)
            yield from documents or [value]

    def _in_list(self, values: list[Json], wrappers: int) -> Iterator[Members]:
        if self.kind is Kind.AUDIO and values and all(map(is_section, values)):
            yield Members([("structure", values)])
            return
        for value in values:
            if isinstance(value, Members):
                yield from self.within(value, wrappers)


def _wrapped(kind: Kind, wrapper: Members) -> list[str]:
    """The names under which a wrapper may hold a brief; none if the object is no wrapper."""
    if wrapper.conflicts:
        return []
    required = _REQUIRED[kind]
    if len(wrapper) == 1:
        name, value = next(iter(wrapper.items()))
        if required.isdisjoint(wrapper):
            return [name]
        nested = isinstance(value, Members) and not required.isdisjoint(value)
        return [name] if nested and not is_section(value) else []
    if not required.isdisjoint(wrapper):
        return []
    return [name for name in _WRAPPERS if isinstance(wrapper.get(name), str | list | dict)]


def _read_image(document: Members) -> Result[Brief, Failure]:
    """The brief of a picture in an object; only ``prompt`` is required."""
    name = "prompt"
    if name not in document:
        aliases = [alias for alias in _PROMPTS if isinstance(document.get(alias), str)]
        texts = {document[alias] for alias in aliases}
        name = aliases[0] if len(texts) == 1 else name
    prompt = _prompt(document, name)
    if not is_successful(prompt):
        return Failed(prompt.failure())
    read = read_fields(Kind.IMAGE, document)
    used = {name}
    if "width" not in read.values and "height" not in read.values:
        # The sides of a size as a whole: ``{"resolution": "1024x768"}``.
        size = _size(document, read)
        read.values |= dict(zip(("width", "height"), size or (), strict=False))
    notes = notes_on_members(Kind.IMAGE, document, read, used)
    return Success(ImageBrief(prompt.unwrap(), notes=notes, document=document, **read.values))


def _size(document: Members, read: FieldsRead) -> tuple[int, int] | None:
    """Width and height under a name for both; a format there counts if no other is named."""
    objects = [(holder, document.get(holder) if holder else document) for holder in _SIZE_HOLDERS]
    present = [
        (holder, members)
        for holder, members in objects
        if isinstance(members, Members) and not members.keys().isdisjoint(_SIZES)
    ]
    for name, (holder, members) in product(_SIZES, present):
        value = members.get(name)
        if value is None or is_blank(value):  # almost every name is missing
            continue
        if size := read_size(value):
            read.used.add((holder, name))
            return size
        ratio = read_format(value) if isinstance(value, str) else None
        if ratio and read.values.setdefault("aspect_ratio", ratio) == ratio:
            read.used.add((holder, name))
        else:
            read.unclear.add((holder, name))
    return None


def _prompt(document: Members, name: str) -> Result[str, Failure]:
    """The text of a picture's prompt, verbatim."""
    prompt = document.get(name)
    parts: list[Json] = prompt if isinstance(prompt, list) else [prompt]
    if name not in document:
        return _incomplete(f"the field '{name}' is missing")
    if name in document.conflicts:
        return _incomplete(f"the field '{name}' occurs more than once, with different values")
    if all(not isinstance(part, str) or is_blank(part) for part in parts):
        return _incomplete(f"the field '{name}' must be text, but is {described(prompt)}")
    texts: list[str] = []
    for index, part in enumerate(parts):
        text = part if isinstance(part, str) else number_text(part)
        if not is_blank(part):
            if text is None:
                lack = f"the field '{name}[{index}]' must be text, but is {described(part)}"
                return _incomplete(lack)
            texts.append(text)
    joined = ", ".join(texts)
    if _PLACEHOLDER.fullmatch(joined):
        return _incomplete(f"the field '{name}' holds a placeholder instead of text")
    return Success(joined)


def _incomplete(message: str) -> Result[str, Failure]:
    return Failed(Failure(FailureCode.BRIEF_INCOMPLETE, message))


def _validated(brief: Brief) -> Result[Brief, Failure]:
    """The brief itself, or which character in which field makes it unusable."""
    for name, text in _texts_of(brief):
        if text.isascii() and "\0" not in text:  # almost every text
            continue
        if match := _UNUSABLE.search(text):
            what = "a NUL character" if match[0] == "\0" else "a lone surrogate (half a character)"
            message = f"the field '{name}' holds {what} at character {match.start() + 1}"
            return Failed(Failure(FailureCode.BRIEF_UNUSABLE, message))
    return Success(brief)


def _texts_of(brief: Brief) -> Iterator[tuple[str, str]]:
    """The texts in a brief, and the names of their fields."""
    for name in type(brief).__match_args__:
        value = getattr(brief, name)
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, tuple):
            for index, part in enumerate(value):
                if isinstance(part, Section):
                    yield f"structure[{index}].type", part.type
                    yield f"structure[{index}].lyrics", part.lyrics
                else:
                    yield f"{name}[{index}]", part
