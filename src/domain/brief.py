"""What a writing asks for, once it is understood."""

from __future__ import annotations

from dataclasses import dataclass

from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class ImageBrief:
    """A picture that is wanted (contract, section 2).

    Attributes:
        prompt: the description, verbatim; never blank.
        negative_prompt: what must not be seen, or "".
        style_tags: words for the style.
        aspect_ratio: as written ("16:9", "portrait"), or "" when the writing names none.
        quality: as written, or "".
        mood: as written, or "".
        subject: of the composition, or "".
        background: of the composition, or "".
        lighting: of the composition, or "".
        width: in pixels, when the writing names one.
        height: in pixels, when the writing names one.
        seed: when the writing names one (0 or more).
    """

    prompt: str
    negative_prompt: str = ""
    style_tags: tuple[str, ...] = ()
    aspect_ratio: str = ""
    quality: str = ""
    mood: str = ""
    subject: str = ""
    background: str = ""
    lighting: str = ""
    width: int | None = None
    height: int | None = None
    seed: int | None = None

    @property
    def kind(self) -> Kind:
        """Always an image."""
        return Kind.IMAGE


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a song: its type ("verse") and its lines, which may be blank."""

    type: str
    lyrics: str


@dataclass(frozen=True, slots=True)
class LyricsBrief:
    """A song that is wanted (contract, section 2).

    Attributes:
        sections: in the order in which they are sung; at least one has lyrics.
        title: as written, or "Untitled".
        genre: as written, or "".
        mood: as written, or "".
        tempo: as written ("slow", "92 BPM"), or "".
        key: as written ("D major"), or "".
        time_signature: as written ("4/4"), or "".
        vocal_style: as written, or "".
        instrumentation: names of instruments.
        seconds: how long it is to be, when the writing says so (1 to 3,600).
        seed: when the writing names one (0 or more).
    """

    sections: tuple[Section, ...]
    title: str = "Untitled"
    genre: str = ""
    mood: str = ""
    tempo: str = ""
    key: str = ""
    time_signature: str = ""
    vocal_style: str = ""
    instrumentation: tuple[str, ...] = ()
    seconds: float | None = None
    seed: int | None = None

    @property
    def kind(self) -> Kind:
        """Always audio."""
        return Kind.AUDIO

    @property
    def lyrics(self) -> str:
        """The text to sing: each section's ``[TYPE]``, its lines, an empty line."""
        lines: list[str] = []
        for section in self.sections:
            lines.append(f"[{section.type.upper()}]")
            lines.extend(section.lyrics.splitlines())
            lines.append("")
        return "\n".join(lines)

    @property
    def tags(self) -> str:
        """``genre, mood``, without what is not named."""
        return ", ".join(word for word in (self.genre, self.mood) if word)


Brief = ImageBrief | LyricsBrief
