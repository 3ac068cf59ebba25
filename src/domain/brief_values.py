"""JSON values as models write them, and the values of a brief's fields read from them.

A reader returns None for a value that says nothing, so that the next object is searched.
Notes for people name what a brief leaves out of its writing, so that nothing is lost unseen.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from domain.brief import BRIEF_FIELDS, NUMBER_BOUNDS, FieldType
from domain.picture_size import plain_ratio, read_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from domain.brief import BriefField
    from domain.prompt import Kind

Json: TypeAlias = "bool | int | float | str | list[Json] | Members | None"

# White space, control characters and invisible characters, except NUL, which has its own failure.
_INVISIBLE = re.compile(
    "[\\s\x01-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]*+"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")

# Names of several words, by their letters alone: "negativeprompt", "NEGATIVEPROMPT".
_RUN_TOGETHER: Final = {
    name.replace("_", ""): name
    for name in (
        *(name for rows in BRIEF_FIELDS.values() for row in rows for name in row.names),
        *(name for rows in BRIEF_FIELDS.values() for row in rows for name in row.objects),
        *("image_prompt", "lyrics_prompt", "content_type", "song_structure", "section_type"),
        *("positive_prompt", "song_lyrics", "full_lyrics"),
    )
}

_CONTAINERS: Final = (list, dict)
_MAX_TEXTS: Final = 1_000  # of a list
_MAX_LENGTH: Final = 100  # characters of a number, a size or a length of time
_WHOLE = re.compile(r"\s*\+?([0-9]{1,20})(?:\.0*)?\s*(?:px|pixels?)?\s*", re.IGNORECASE)
_SIZE = re.compile(
    r"\s*([0-9]{1,6})\s*(?:px|w)?\s*(?:[x×*,]|by)\s*([0-9]{1,6})\s*(?:px|pixels?|h)?"
    r"(?:\s*\([^()]*\))?\s*",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\s*(?:~|≈|(?:about|around|approx(?:imately|\.)?|roughly|ca\.?)\s+)?\s*", re.IGNORECASE
)
_CLOCK = re.compile(
    r"(?:([0-9]{1,2}):)?([0-9]{1,3}):([0-5]?[0-9](?:\.[0-9]{1,6})?)\s*(?:minutes?|mins?|m)?",
    re.IGNORECASE,
)
_AMOUNT = r"([0-9]{1,6}(?:[.,][0-9]{1,6})?)"
_DURATION = re.compile(
    rf"(?:PT)?(?:{_AMOUNT}[\s-]*(?:minutes?|mins?|m|['\u2032](?!['\u2032]))\.?)?\s*,?\s*(?:and\s+)?"
    rf"(?:{_AMOUNT}[\s-]*(?:seconds?|secs?|s|[\"\u2033]|''|\u2032{{2}})\.?)?",
    re.IGNORECASE,
)
_BARE = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,6})?")
_MINUTES_BELOW: Final = 10  # a song is never that many seconds long
_SECONDS_FROM: Final = 30  # a song is rarely that many minutes long


_MAX_NAMED: Final = 12  # things in one note
_MAX_NAME: Final = 80  # characters
_MAX_VALUE: Final = 40  # characters
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
# What programs put around an answer; it says nothing about the picture or the song.
_ENVELOPE: Final = frozenset(
    (
        *("content_type", "prompt_type", "type", "object", "role", "id", "index", "model", "usage"),
        *("created", "created_at", "finish_reason", "stop_reason", "done", "call_id"),
    )
)


class Members(dict[str, "Json"]):
    """A JSON object; of a name that occurs twice, the last value that is not blank counts.

    Attributes:
        conflicts: names that occurred with different values, none of them blank.
        written: the original spelling by canonical name, where they differ.
    """

    __slots__ = ("conflicts", "written")

    def __init__(self, members: Iterable[tuple[str, Json]] = ()) -> None:
        pairs = list(members)
        super().__init__(pairs)
        self.conflicts: set[str] = set()
        self.written: dict[str, str] = {}
        if len(self) < len(pairs):  # almost no object repeats a name
            self.clear()
            for name, value in pairs:
                self.put(name, value)

    def put(self, name: str, value: Json) -> None:
        """Add a member; a blank value never replaces one that is not blank."""
        if name not in self or is_blank(self[name]):
            self[name] = value
        elif not is_blank(value):
            if self[name] != value:
                self.conflicts.add(name)
            self[name] = value


def _places(kind: Kind) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Where a kind's fields may be: by object and name, the field's index and the preference."""
    places: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for index, spec in enumerate(BRIEF_FIELDS[kind]):
        for preference, (name, holder) in enumerate(product(spec.names, spec.objects)):
            places.setdefault(holder, {}).setdefault(name, []).append((index, preference))
    return places


_PLACES: Final = {kind: _places(kind) for kind in BRIEF_FIELDS}
_HOLDERS: Final = {kind: frozenset(places) - {""} for kind, places in _PLACES.items()}


@lru_cache(maxsize=1024)  # briefs use the same few names
def canonical_name(written: str) -> str:
    """A name in lower case with ``_`` between words: "Negative Prompt", "negativePrompt"."""
    name = _BETWEEN.sub("_", _HUMP.sub("_", written)).strip("_").lower()
    return _RUN_TOGETHER.get(name.replace("_", ""), name) or written


def with_canonical_names(value: Json) -> Json:
    """A value whose objects, at any depth, have canonical names: itself, or a copy.

    Names that differ only in spelling count as one name that occurs more than once.
    """
    if _is_canonical(value):
        return value
    if isinstance(value, list):
        return [with_canonical_names(element) for element in value]
    if not isinstance(value, Members):
        return value
    renamed = Members(
        (canonical_name(written), with_canonical_names(member)) for written, member in value.items()
    )
    for written in value:
        name = canonical_name(written)
        if written in value.conflicts:
            renamed.conflicts.add(name)
        if name != written:
            renamed.written.setdefault(name, written)
    return renamed


def _is_canonical(value: Json) -> bool:
    """Whether the objects in a value, at any depth, have canonical names already."""
    if isinstance(value, list):
        return all(map(_is_canonical, value))
    if isinstance(value, Members):
        for name, member in value.items():
            if canonical_name(name) != name:
                return False
            if isinstance(member, _CONTAINERS) and not _is_canonical(member):
                return False
    return True


def is_blank(value: Json) -> bool:
    """Whether a value is null, text of invisible characters only, or an empty container."""
    if isinstance(value, str):
        # Most texts begin with a character of ASCII that is visible.
        return not "!" <= value[:1] <= "~" and _INVISIBLE.fullmatch(value) is not None
    return value is None or (not value and isinstance(value, _CONTAINERS))


def described(value: Json) -> str:
    """What a value is, in words for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "blank text" if is_blank(value) else "text"
    if isinstance(value, list):
        return "a list without text"
    return "an object"


def number_text(value: Json) -> str | None:
    """A finite number as people write it (``92``, not ``92.0``); None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return f"{value:.12g}" if isinstance(value, float) else str(value)


@dataclass(slots=True)
class FieldsRead:
    """The fields of a brief in an object, and which of its members they come from.

    Attributes:
        values: by field; fields without a readable value are left out.
        used: the members that were used, as names of an object ("" is the outermost) and a name.
        unclear: the members that hold a field, but with a value that is not understood.
    """

    values: dict[str, Any] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)
    unclear: set[tuple[str, str]] = field(default_factory=set)


def read_fields(kind: Kind, document: Members) -> FieldsRead:
    """The values of a brief in an object.

    Args:
        kind: the kind of media that the brief is for.
        document: with canonical names. The first readable value counts: for each name of the
            field, its objects are searched in order.
    """
    read = FieldsRead()
    objects = {name: value for name, value in document.items() if isinstance(value, Members)}
    objects[""] = document
    known = [
        (holder, name)
        for holder, places in _PLACES[kind].items()
        if holder in objects
        for name in objects[holder]
        if name in places
    ]
    own_words: dict[str, str | None] = {}
    for spec, holder, name in _in_order(kind, tuple(known)):
        raw = objects[holder][name]
        if is_blank(raw):
            continue
        if spec.type is FieldType.SECONDS:
            value: object = read_seconds(raw, in_seconds="seconds" in name)
        else:
            value = _READERS[spec.type](raw)
        if value is None:
            read.unclear.add((holder, name))
            if spec.type is FieldType.RATIO:
                own_words[spec.name] = own_words.get(spec.name) or read_measure(raw)
        elif read.values.setdefault(spec.name, value) == value:
            read.used.add((holder, name))
    for spec_name, words in own_words.items():
        if words:  # A workflow may know a format that has no size here.
            read.values.setdefault(spec_name, words)
    return read


@lru_cache(maxsize=256)  # briefs have the same few members
def _in_order(
    kind: Kind, known: tuple[tuple[str, str], ...]
) -> tuple[tuple[BriefField, str, str], ...]:
    """The fields that members may hold, in the order in which they are read: field, object, name.

    Args:
        kind: the kind of media that the brief is for.
        known: the members that hold a field, as names of an object and of the member.
    """
    places = _PLACES[kind]
    holding = sorted(
        (*place, holder, name) for holder, name in known for place in places[holder][name]
    )
    return tuple((BRIEF_FIELDS[kind][index], holder, name) for index, _, holder, name in holding)


def read_text(value: Json) -> str | None:
    """Text without surrounding white space; the texts of a list joined with ``, ``."""
    if isinstance(value, list):
        return ", ".join(_texts_in(value)) or None
    return value.strip() if isinstance(value, str) and not is_blank(value) else None


def read_line(value: Json) -> str | None:
    """Like ``read_text``, with every run of white space replaced by one space."""
    text = read_text(value)
    return " ".join(text.split()) if text else None


def read_measure(value: Json) -> str | None:
    """Like ``read_line``; also a number, such as a tempo or an aspect ratio."""
    return read_line(value) or number_text(value)


def read_format(value: Json) -> str | None:
    """A ratio of width to height that can be read, such as "16:9", [16, 9] or "portrait"."""
    if isinstance(value, Members):
        value = [value.get("width"), value.get("height")]
    if isinstance(value, list):
        sides = [part.strip() if isinstance(part, str) else number_text(part) for part in value]
        text = ":".join(filter(None, sides)) if len(sides) == 2 and all(sides) else None  # noqa: PLR2004
    else:
        text = read_measure(value)
    return None if text is None or len(text) > _MAX_LENGTH else _format_of(text)


@lru_cache(maxsize=256)  # briefs use the same few formats
def _format_of(text: str) -> str | None:
    return None if read_ratio(text) is None else plain_ratio(text)


def read_texts(value: Json) -> tuple[str, ...] | None:
    """The first 1,000 texts of a list, or of a comma-separated text; numbers in a list count."""
    if isinstance(value, str):
        parts: Iterable[Json] = (part for part in value.split(",") if part.strip())
    elif isinstance(value, list):
        parts = value
    else:
        return None
    texts = _texts_in(islice(parts, _MAX_TEXTS))
    return tuple(" ".join(text.split()) for text in texts) or None


def read_whole(value: Json, *, bounds: tuple[int, int]) -> int | None:
    """A whole number within bounds (inclusive); ``"1024"``, ``"1024px"`` and ``1024.0`` count."""
    number: int | None = None
    if isinstance(value, str):
        written = _WHOLE.fullmatch(value) if len(value) <= _MAX_LENGTH else None
        number = int(written[1]) if written else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    return number if number is not None and bounds[0] <= number <= bounds[1] else None


def read_size(value: Json) -> tuple[int, int] | None:
    """Width and height in pixels, from ``"1024x768"``, ``[1024, 768]`` or an object with both."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFKC", value[: _MAX_LENGTH + 1]).strip("[]")
        written = _SIZE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        sides: list[Json] = list(written.groups()) if written else []
    elif isinstance(value, Members):
        sides = [value.get("width"), value.get("height")]
    else:
        sides = value if isinstance(value, list) else []
    pixels = [_READERS[FieldType.PIXELS](side) for side in sides[:3]]
    if len(pixels) != 2 or None in pixels:  # noqa: PLR2004 -- two sides
        return None
    return pixels[0], pixels[1]


def read_seconds(value: Json, *, in_seconds: bool = True) -> float | None:
    """Seconds, from ``210``, ``"210 s"``, ``"3:30"``, ``"3.5 min"`` or ``"3 min 30 s"``; else None.

    Lengths below a second or above an hour are ignored as nonsense.

    Args:
        value: of the field.
        in_seconds: whether the name of the field says that a number without a unit is one of
            seconds. Otherwise it counts as minutes below 10 and as seconds from 30 on; between
            them it may be either.
    """
    shortest, longest = NUMBER_BOUNDS[FieldType.SECONDS]
    seconds: float | None = None
    if isinstance(value, str) and len(value) <= _MAX_LENGTH:
        text = _ABOUT.sub("", unicodedata.normalize("NFKC", value), count=1).strip()
        if clock := _CLOCK.fullmatch(text):
            hours, minutes, rest = clock.groups()
            seconds = int(hours or 0) * 3_600 + int(minutes) * 60 + float(rest)
        elif _BARE.fullmatch(text):
            return read_seconds(_decimal(text), in_seconds=in_seconds)
        elif (written := _DURATION.fullmatch(text)) and any(written.groups()):
            seconds = _decimal(written[1] or "0") * 60 + _decimal(written[2] or "0")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value  # compared before it is converted: it may exceed every float
        if not in_seconds and 0 < value < _MINUTES_BELOW:
            seconds = value * 60
        elif not in_seconds and value < _SECONDS_FROM:
            seconds = None
    elif isinstance(value, Members) and value.keys() == {"minutes", "seconds"}:
        minutes, rest = (read_seconds(value[name]) or 0 for name in ("minutes", "seconds"))
        seconds = minutes * 60 + rest
    if seconds is None or not shortest <= seconds <= longest:
        return None
    return float(seconds)


def _decimal(written: str) -> float:
    return float(written.replace(",", "."))


def _texts_in(values: Iterable[Json]) -> list[str]:
    texts = (read_text(value) if isinstance(value, str) else number_text(value) for value in values)
    return [text for text in texts if text]


_READERS: Final[Mapping[FieldType, Callable[[Json], Any]]] = {
    FieldType.PROSE: read_text,
    FieldType.TEXT: read_text,
    FieldType.LINE: read_line,
    FieldType.MEASURE: read_measure,
    FieldType.RATIO: read_format,
    FieldType.TEXTS: read_texts,
    FieldType.PIXELS: partial(read_whole, bounds=NUMBER_BOUNDS[FieldType.PIXELS]),
    FieldType.SEED: partial(read_whole, bounds=NUMBER_BOUNDS[FieldType.SEED]),
    FieldType.SECONDS: read_seconds,
}


def note(about: str, items: Iterable[str]) -> str:
    """One note about things, each named once and the first ones only, or ""."""
    names = [
        _UNUSABLE.sub("\ufffd", " ".join(name.split()))[:_MAX_NAME] for name in dict.fromkeys(items)
    ]
    if not names:
        return ""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f"{about}: {', '.join(names[:_MAX_NAMED])}{more}"


def notes_on_members(
    kind: Kind, document: Members, read: FieldsRead, used: AbstractSet[str]
) -> tuple[str, ...]:
    """Notes on the members of an object that a brief does not use or that say two things.

    Args:
        kind: the kind of media that the brief is for.
        document: with canonical names.
        read: the fields that were read from it.
        used: names of its other members that the brief uses.
    """
    unused: list[str] = []
    unclear: list[str] = []
    repeated: list[str] = []
    objects = {
        name: value
        for name in sorted(_HOLDERS[kind] & document.keys())
        if isinstance(value := document[name], Members)
    }
    for holder, members in (("", document), *objects.items()):
        for name, value in members.items():
            if not holder and name in objects:
                continue
            is_used = (holder, name) in read.used or (not holder and name in used)
            if is_used and name not in members.conflicts:
                continue
            path = f"{holder}.{members.written.get(name, name)}".removeprefix(".")
            if is_used:
                repeated.append(path)
            elif (holder, name) in read.unclear:
                unclear.append(f"{path} ({_shown(value)})")
            elif not (is_blank(value) or (not holder and name in _ENVELOPE)):
                unused.append(path)
    groups = (
        ("not understood", unclear),
        ("more than one value, of which the last is used", repeated),
        ("not used", unused),
    )
    return tuple(note(about, paths) for about, paths in groups if paths)


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else number_text(value)
    if text is None:
        return described(value)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"
