"""The two kinds of media, and what the Poets Service calls them."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a prompt asks for; the value names the folder and the ``artifact_type``."""

    IMAGE = "image"  # a picture, from a writing that describes a scene
    AUDIO = "audio"  # a song, from a writing that holds lyrics

    @property
    def prompt_type(self) -> str:
        """The value of ``prompts.prompt_type`` (contract, section 1)."""
        return _PROMPT_TYPES[self]

    @classmethod
    def of_prompt_type(cls, prompt_type: str) -> Kind | None:
        """The kind of a prompt type, or None when such prompts are not ours."""
        return _KINDS.get(prompt_type)


_PROMPT_TYPES = {Kind.IMAGE: "image_prompt", Kind.AUDIO: "lyrics_prompt"}
_KINDS = {prompt_type: kind for kind, prompt_type in _PROMPT_TYPES.items()}
