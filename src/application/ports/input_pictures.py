"""The port to the pictures that briefs name as inputs of their workflows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from returns.result import Result

    from domain.failure import Failure

PICTURE_FOLDER: Final = "mediagen"
"""The folder of ComfyUI's input folder to which pictures are copied."""

_SUFFIXES: Final = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


@dataclass(frozen=True, slots=True)
class InputPicture:
    """A picture that a brief names, read and decoded.

    Attributes:
        content: its bytes.
        sha256: of its bytes, in hex.
        format: "png", "jpeg" or "webp", by its content.
        origin: what the brief calls it, for messages.
    """

    content: bytes = field(repr=False)
    sha256: str
    format: str
    origin: str

    @property
    def file_name(self) -> str:
        """The name of its copies, the same for the same bytes."""
        return f"{self.sha256}{_SUFFIXES[self.format]}"

    @property
    def input_name(self) -> str:
        """The path of its copy below ComfyUI's input folder, as ``LoadImage`` takes it."""
        return f"{PICTURE_FOLDER}/{self.file_name}"


class InputPictures(Protocol):
    """The pictures that briefs may name. Safe from any thread."""

    def read(self, name: str) -> Result[InputPicture, Failure]:
        """Read a picture; fails with ``input_picture`` if it cannot be used.

        Args:
            name: a path below the input folder, or ``artifact:15`` for a published picture of a
                prompt that is ready.

        Raises:
            RepositoryError: the database cannot be asked.
            OSError: the file cannot be read now.
        """
        ...
