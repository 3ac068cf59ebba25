"""Pictures that briefs name: from the input folder, or from what was published before."""

from __future__ import annotations

import hashlib
import io
import re
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.picture_files import decoding, open_picture
from application.ports.input_pictures import InputPicture
from application.renderer_decorator import RendererDecorator
from domain.artifact import is_servable
from domain.artifact_status import ArtifactStatus
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from application.ports.gallery import GalleryArtifact
    from application.ports.input_pictures import InputPictures
    from application.ports.media_files import MediaFile, PublishedMedia
    from application.ports.media_renderer import (
        MediaRenderer,
        RenderContext,
        RenderingFacts,
        RenderJob,
    )
    from domain.brief_paths import PathField
    from domain.workflow_rules import WorkflowKey

_ARTIFACT: Final = re.compile(r"artifact:\s*([0-9]{1,18})", re.IGNORECASE)
_PICTURES: Final = frozenset({"png", "jpeg", "webp"})
_MAX_BYTES: Final = 100 * 1024 * 1024  # what ComfyUI accepts unless told otherwise


class FoundPictures:
    """Pictures in the input folder and among the published files; the port ``InputPictures``.

    Args:
        folder: the input folder, which nothing leaves, not by a link either; None if none is set.
        published: returns the published files.
        artifact: returns an artifact by its id, from any thread; None if there is none.
        max_pixels: the most that a picture may have.
    """

    def __init__(
        self,
        folder: PublishedMedia | None,
        published: Callable[[], PublishedMedia],
        artifact: Callable[[int], GalleryArtifact | None],
        max_pixels: int,
    ) -> None:
        self._folder = folder
        self._published = published
        self._find_artifact = artifact
        self._max_pixels = max_pixels

    def read(self, name: str) -> Result[InputPicture, Failure]:
        """Read a picture; fails with ``input_picture`` if it cannot be used."""
        artifact = _ARTIFACT.fullmatch(name.strip())
        opened = self._artifact(int(artifact[1])) if artifact else self._file(name)
        if not is_successful(opened):
            return Refused(opened.failure())
        media = opened.unwrap()
        with closing(media.file):
            if media.format not in _PICTURES:
                return _refusal(f"{name!r} is not a picture in PNG, JPEG or WebP")
            if media.size > _MAX_BYTES:
                return _refusal(f"{name!r} has {media.size:,} bytes; at most {_MAX_BYTES:,} can be")
            content = b"".join(iter(lambda: media.file.read(1024 * 1024) or b"", b""))
        if problem := self._damage(content, str(media.format)):
            return _refusal(f"{name!r} {problem}")
        digest = hashlib.sha256(content).hexdigest()
        return Success(InputPicture(content, digest, str(media.format), name))

    def _file(self, name: str) -> Result[MediaFile, Failure]:
        if self._folder is None:
            return _refusal(
                f"the brief names the picture {name!r}, but media.input_directory is not set"
            )
        path = name.removeprefix("./")
        if not is_servable(path):
            return _refusal(f"{name!r} is not a plain path below media.input_directory")
        media = self._folder.open(path, {})
        if media is None:
            return _refusal(
                f"media.input_directory has no file {name!r} (links are not followed there)"
            )
        return Success(media)

    def _artifact(self, number: int) -> Result[MediaFile, Failure]:
        artifact = self._find_artifact(number)
        if artifact is None:
            return _refusal(f"there is no artifact {number}")
        if artifact.prompt_status != ArtifactStatus.READY:
            status = artifact.prompt_status or "gone"
            return _refusal(
                f"the artifact {number} belongs to prompt {artifact.prompt_id}, which is {status},"
                " not ready"
            )
        if artifact.artifact_type != "image":
            return _refusal(f"the artifact {number} is of the type {artifact.artifact_type!r}")
        media = self._published().open(artifact.file_path, artifact.metadata)
        if media is None:
            return _refusal(f"the file of the artifact {number}, {artifact.file_path}, is gone")
        return Success(media)

    def _damage(self, content: bytes, format_name: str) -> str:
        """Why a picture cannot be used, or ""."""
        try:
            with open_picture(io.BytesIO(content), format_name) as picture:
                width, height = picture.size
                if width * height > self._max_pixels:
                    return f"has {width} x {height} pixels; at most {self._max_pixels:,} can be"
                with decoding(width * height):
                    picture.load()
        except Exception as error:  # noqa: BLE001 - decoders raise anything for a damaged file
            return f"cannot be decoded: {error}"
        return ""


class RendererWithPictures(RendererDecorator):
    """A renderer whose jobs get the pictures that their briefs name; others pass through.

    Args:
        renderer: renders them.
        fields: for each workflow that takes pictures, gives the values that name them, by path.
        pictures: reads them.
    """

    def __init__(
        self,
        renderer: MediaRenderer,
        fields: Mapping[WorkflowKey, Callable[[], Mapping[str, PathField]]],
        pictures: InputPictures,
    ) -> None:
        super().__init__(renderer)
        self._fields = fields
        self._pictures = pictures

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Render a job with its pictures; fails with ``input_picture`` before anything runs."""
        pictures: dict[str, InputPicture] = {}
        fields = self._fields.get((job.brief.kind, job.workflow), dict)
        for name, field in fields().items():
            value = field.read(job.brief.document)
            if not is_successful(value):
                message = f"prompt {job.prompt_id}: {value.failure()}"
                return Refused(Failure(FailureCode.BRIEF_VALUE, message))
            if (path := value.unwrap()) is None:
                continue
            picture = self._pictures.read(str(path))
            if not is_successful(picture):
                failure = picture.failure()
                message = f"prompt {job.prompt_id}, {field.path}: {failure.message}"
                return Refused(replace(failure, message=message))
            pictures[name] = picture.unwrap()
        return self._renderer.render(replace(job, pictures=pictures) if pictures else job, context)

    def close(self) -> None:
        """Close the renderer."""
        self._renderer.close()


def _refusal(message: str) -> Result[Any, Failure]:
    return Refused(Failure(FailureCode.INPUT_PICTURE, message))
