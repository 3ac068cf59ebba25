"""The briefs of pictures and songs, and the one table of their fields.

Every other list of fields derives from ``BRIEF_FIELDS``: how the writing is parsed, which fields
workflows can take, which arguments have a default, what the metadata hold, which options and form
fields submit a prompt, and the description of the API. A new field is one line here.
"""

from __future__ import annotations

import hashlib
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

PICTURE_NAMES: Final = ("image", "mask")
"""Members of a brief's JSON that name input pictures; as paths, they have that type."""

_TOP: Final = ("",)
TECHNICAL_NAMES: Final = (
    *("technical_params", "technical_parameters", "technical_details", "technical", "parameters"),
    "params",
)
"""Names of the object that a brief has for technical parameters."""

_TECHNICAL_OBJECTS: Final = (*TECHNICAL_NAMES, "settings", "metadata")
_TECHNICAL: Final = (*_TECHNICAL_OBJECTS, "")
_TOP_OR_TECHNICAL: Final = ("", *_TECHNICAL_OBJECTS)
_COMPOSITION: Final = ("composition",)
_TOP_FIRST: Final = ("", "metadata")
_METADATA_FIRST: Final = ("metadata", "")
_SPECIAL: Final = ()  # parsed or computed by code of its own


class FieldType(StrEnum):
    """The type of a field's value, which decides how it is read from JSON."""

    PROSE = "prose"  # text of any length, verbatim
    TEXT = "text"  # short text, verbatim
    LINE = "line"  # short text on one line
    MEASURE = "measure"  # short text on one line, or a number
    RATIO = "ratio"  # width to height, in numbers or in a word
    TEXTS = "texts"  # a list of short texts
    PIXELS = "pixels"  # a whole number, the side of a picture
    SEED = "seed"  # a whole number that ComfyUI's samplers accept
    SECONDS = "seconds"  # a length, also as a clock ("3:30") or with units ("3 min 30 s")


NUMBER_BOUNDS: Mapping[FieldType, tuple[int, int]] = MappingProxyType(
    {
        FieldType.PIXELS: (1, 16_384),
        FieldType.SEED: (0, 2**64 - 1),
        FieldType.SECONDS: (1, 3_600),
    }
)
"""The smallest and the largest value of each type of number."""


@dataclass(frozen=True, slots=True)
class BriefField:
    """One field of a brief.

    Attributes:
        name: of the brief's attribute, of the workflow's field, and in documents.
        type: the type of its value.
        about: a short description, for help texts.
        names: under which a writing may hold it, in order of preference.
        objects: names of the objects in a writing that are searched for each name, in order; ""
            is the outermost. Empty for a field that is parsed or computed by code of its own.
        argument: of a script, as the contract names it; "" where it has none.
        recorded: whether it becomes part of an artifact's metadata.
    """

    name: str
    type: FieldType
    about: str
    names: tuple[str, ...]
    objects: tuple[str, ...] = _TOP
    argument: str = ""
    recorded: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its value is a number within ``NUMBER_BOUNDS``."""
        return self.type in NUMBER_BOUNDS


def _field(
    type_: FieldType,
    about: str,
    default: object = "",
    *,
    names: tuple[str, ...] = (),
    objects: tuple[str, ...] = _TOP,
    argument: str = "",
    recorded: bool = False,
) -> Any:  # noqa: ANN401 - as dataclasses.field does
    """A dataclass field with its row of the table; ``_fields_of`` fills in the name."""
    row = BriefField("", type_, about, names, objects, argument, recorded)
    return field(default=default, metadata={"row": row})


@dataclass(frozen=True, slots=True)
class ImageBrief:
    """The brief of a picture (contract, section 2).

    Texts that the writing lacks are "", numbers None.

    Attributes:
        prompt: verbatim, never blank.
        notes: for people, what the brief leaves out of the writing; ignored when briefs are
            compared.
        document: the JSON object that it was read from, with canonical names, for
            ``domain.brief_paths``; ignored when briefs are compared.
    """

    kind: ClassVar[Kind] = Kind.IMAGE

    prompt: str = _field(
        FieldType.PROSE,
        "what the picture shows",
        MISSING,
        objects=_SPECIAL,
        argument="--prompt",
        recorded=True,
    )
    negative_prompt: str = _field(
        FieldType.PROSE,
        "what the picture must not show",
        names=("negative_prompt", "negative", "neg_prompt"),
        objects=_TOP_OR_TECHNICAL,
        argument="--negative-prompt",
        recorded=True,
    )
    style_tags: tuple[str, ...] = _field(
        FieldType.TEXTS, "styles, such as watercolour", (), objects=_TOP_OR_TECHNICAL, recorded=True
    )
    aspect_ratio: str = _field(
        FieldType.RATIO,
        "aspect ratio, such as 16:9, 3:4 or square",
        names=("aspect_ratio", "aspect", "ratio", "orientation"),
        objects=_TECHNICAL,
        recorded=True,
    )
    quality: str = _field(FieldType.TEXT, "quality, such as high", objects=_TECHNICAL)
    mood: str = _field(FieldType.TEXT, "mood, such as tranquil", objects=_TECHNICAL, recorded=True)
    subject: str = _field(FieldType.TEXT, "main subject of the picture", objects=_COMPOSITION)
    background: str = _field(FieldType.TEXT, "background of the picture", objects=_COMPOSITION)
    lighting: str = _field(FieldType.TEXT, "lighting, such as golden hour", objects=_COMPOSITION)
    width: int | None = _field(FieldType.PIXELS, "width in pixels", None, objects=_TECHNICAL)
    height: int | None = _field(FieldType.PIXELS, "height in pixels", None, objects=_TECHNICAL)
    seed: int | None = _field(
        FieldType.SEED, "seed; the same seed gives the same picture again", None, objects=_TECHNICAL
    )
    notes: tuple[str, ...] = field(default=(), compare=False)
    document: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a song: its type, such as "verse", and its lines, which may be blank."""

    type: str
    lyrics: str


@dataclass(frozen=True, slots=True)
class LyricsBrief:
    """The brief of a song (contract, section 2).

    Attributes:
        sections: in the order of singing; at least one has lyrics.
        notes: for people, what the brief leaves out of the writing; ignored when briefs are
            compared.
        document: the JSON object that it was read from, with canonical names, for
            ``domain.brief_paths``; ignored when briefs are compared.
    """

    kind: ClassVar[Kind] = Kind.AUDIO

    sections: tuple[Section, ...]
    title: str = _field(
        FieldType.LINE, "title of the song", "Untitled", objects=_TOP_FIRST, recorded=True
    )
    genre: str = _field(FieldType.LINE, "genre, such as folk", objects=_TOP_FIRST, recorded=True)
    mood: str = _field(
        FieldType.LINE, "mood, such as melancholy", objects=_TOP_FIRST, recorded=True
    )
    tempo: str = _field(
        FieldType.MEASURE, 'tempo, such as slow or "92 BPM"', objects=_TOP_FIRST, recorded=True
    )
    key: str = _field(
        FieldType.LINE, "key, such as D major", objects=_METADATA_FIRST, recorded=True
    )
    time_signature: str = _field(
        FieldType.LINE, "time signature, such as 3/4", objects=_METADATA_FIRST, recorded=True
    )
    language: str = _field(
        FieldType.LINE, "language of the lyrics, such as English", objects=_METADATA_FIRST
    )
    vocal_style: str = _field(
        FieldType.LINE, "vocal style, such as whispered", objects=_METADATA_FIRST
    )
    instrumentation: tuple[str, ...] = _field(
        FieldType.TEXTS, "instruments, such as acoustic guitar", (), objects=_METADATA_FIRST
    )
    seconds: float | None = _field(
        FieldType.SECONDS,
        "length of the song, in seconds",
        None,
        names=("duration_seconds", "seconds", "duration", "length", "song_length"),
        objects=_TOP_FIRST,
    )
    seed: int | None = _field(
        FieldType.SEED,
        "seed; the same seed gives the same song again",
        None,
        objects=_METADATA_FIRST,
    )
    notes: tuple[str, ...] = field(default=(), compare=False)
    document: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def lyrics(self) -> str:
        """The text to sing: for each section ``[TYPE]``, its lines, and an empty line."""
        lines: list[str] = []
        for section in self.sections:
            lines.append(f"[{section.type.upper()}]")
            lines.extend(section.lyrics.splitlines())
            lines.append("")
        return "\n".join(lines)

    @property
    def tags(self) -> str:
        """Genre and mood, joined with a comma; without those that are blank."""
        return ", ".join(filter(None, (self.genre, self.mood)))


Brief = ImageBrief | LyricsBrief

BRIEF_TYPES: Mapping[Kind, type[Brief]] = MappingProxyType(
    {Kind.IMAGE: ImageBrief, Kind.AUDIO: LyricsBrief}
)

PROMPT_FIELDS: Mapping[Kind, str] = MappingProxyType({Kind.IMAGE: "prompt", Kind.AUDIO: "lyrics"})
"""The field that must reach a workflow; without it every prompt would give the same result."""

MAIN_FIELDS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {Kind.IMAGE: ("prompt",), Kind.AUDIO: ("lyrics", "tags")}
)
"""The fields of which one must reach a graph; many graphs for songs have no place for lyrics."""


def _fields_of(brief: type[Brief]) -> tuple[BriefField, ...]:
    rows = ((column.name, column.metadata["row"]) for column in fields(brief) if column.metadata)
    return tuple(replace(row, name=name, names=row.names or (name,)) for name, row in rows)


BRIEF_FIELDS: Mapping[Kind, tuple[BriefField, ...]] = MappingProxyType(
    {
        Kind.IMAGE: _fields_of(ImageBrief),
        Kind.AUDIO: (
            BriefField(
                "lyrics",
                FieldType.PROSE,
                "lyrics; a line such as [Chorus] starts a section",
                ("lyrics",),
                _SPECIAL,
                "--lyrics",
            ),
            BriefField("tags", FieldType.LINE, "genre and mood", (), _SPECIAL, "--tags"),
            *_fields_of(LyricsBrief),
        ),
    }
)
"""Every field that a workflow can take, by kind, in the order in which documents show them.

A song's lyrics and tags are computed from other fields.
"""

WRITTEN_NAMES: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        kind: frozenset(name for row in rows if row.objects for name in row.names)
        for kind, rows in BRIEF_FIELDS.items()
    }
)
"""Every name under which a writing may hold a field that the table alone describes."""

ALWAYS_PASSED: Final = frozenset(
    row.name for rows in BRIEF_FIELDS.values() for row in rows if row.argument
)
"""Fields that a workflow gets even if they are blank, so that it never uses its own example."""


def brief_values(brief: Brief) -> dict[str, str | int | float | None]:
    """Every field of a brief as workflows get it; "" or None for what the brief lacks.

    Lists are joined with a comma and a space.
    """
    values = ((row.name, getattr(brief, row.name)) for row in BRIEF_FIELDS[brief.kind])
    return {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in values}


def brief_texts(brief: Brief) -> dict[str, str]:
    """Every text field of a brief as workflows get it."""
    return {name: text for name, text in brief_values(brief).items() if isinstance(text, str)}


def seed_for(brief: Brief, prompt_id: int, render_id: int, variant: int) -> int:
    """The brief's own seed, or a new one from 0 to 2**32 - 1, which every sampler accepts.

    Render numbers are never reused, so another render of the same prompt makes something new.

    Args:
        brief: the brief to render.
        prompt_id: the prompt that it belongs to.
        render_id: number of the render.
        variant: number of the writing, counted from 1.
    """
    if brief.seed is not None:
        return brief.seed
    digest = hashlib.sha256(f"{prompt_id}/{render_id}/{variant}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
