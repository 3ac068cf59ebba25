"""Pictures that briefs name: valid ones, inside the input folder, of prompts that are ready."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from returns.pipeline import is_successful

from adapters.input_pictures import FoundPictures, RendererWithPictures
from adapters.media_files.media_file import MediaFolder
from application.ports.gallery import GalleryArtifact
from domain.brief_parser import parse_brief
from domain.brief_paths import path_field
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import job

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.media_renderer import RenderJob


def png(side: int = 4) -> bytes:
    """A picture."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(file, "PNG")
    return file.getvalue()


def artifact(number: int) -> GalleryArtifact | None:
    """Artifact 1 is ready, 2 is pending again, 3 is a song, 4 is deleted; there are no others."""
    if number > 4:
        return None
    kind = "audio" if number == 3 else "image"
    path = "image/gone.png" if number == 4 else "image/1/a.png"
    status = "pending" if number == 2 else "ready"
    return GalleryArtifact(number, 200, kind, path, None, {}, None, "a lake", status)


@pytest.fixture
def pictures(tmp_path: Path) -> FoundPictures:
    """A folder with pictures and other files, and a published picture."""
    folder, outside, published = (tmp_path / name for name in ("in", "out", "published"))
    for made in (folder / "cats", outside, published / "image/1"):
        made.mkdir(parents=True)
    for path in (folder / "a.png", folder / "cats/b.png", outside / "c.png"):
        path.write_bytes(png())
    (published / "image/1/a.png").write_bytes(png(5))
    (folder / "large.png").write_bytes(png(40))
    (folder / "cut.png").write_bytes(png(30)[:-30])
    (folder / "text.png").write_text("hello")
    (folder / "link.png").symlink_to(outside / "c.png")
    (folder / "linked").symlink_to(outside)
    return FoundPictures(MediaFolder(folder), lambda: MediaFolder(published), artifact, 1000)


@pytest.mark.parametrize("name", ["a.png", "./a.png", "cats/b.png", "artifact:1", "Artifact: 1"])
def test_pictures_are_read(pictures: FoundPictures, name: str) -> None:
    """With the name of their copies, which depends on the content."""
    picture = pictures.read(name).unwrap()
    digest = hashlib.sha256(picture.content).hexdigest()
    assert picture.input_name == f"mediagen/{digest}.png"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.png", "has no file"),
        ("link.png", "has no file"),
        ("linked/c.png", "has no file"),
        ("../out/c.png", "not a plain path"),
        ("cats/../../out/c.png", "not a plain path"),
        ("/etc/passwd", "not a plain path"),
        ("C:\\a.png", "not a plain path"),
        ("cats", "has no file"),
        ("text.png", "not a picture"),
        ("cut.png", "cannot be decoded"),
        ("large.png", "40 x 40 pixels"),
        ("artifact:2", "prompt 200, which is pending"),
        ("artifact:3", "of the type 'audio'"),
        ("artifact:4", "is gone"),
        ("artifact:5", "no artifact 5"),
    ],
)
def test_other_files_are_refused(pictures: FoundPictures, name: str, reason: str) -> None:
    """Files outside the folder, whatever leads to them, and artifacts that are not ready."""
    failure = pictures.read(name).failure()
    assert failure.code is FailureCode.INPUT_PICTURE
    assert reason in failure.message


def test_without_a_folder_only_artifacts_can_be_named(pictures: FoundPictures) -> None:
    """The setting is named."""
    alone = FoundPictures(None, lambda: MediaFolder(pictures._folder._root), artifact, 9)  # type: ignore[union-attr]  # noqa: SLF001
    assert "media.input_directory is not set" in alone.read("a.png").failure().message


class Renderer:
    """Records its jobs."""

    def __init__(self) -> None:
        self.jobs: list[RenderJob] = []

    def render(self, job: RenderJob, context: object) -> str:
        """Return a success."""
        self.jobs.append(job)
        return "rendered"


def test_a_renderer_gets_the_pictures_or_no_job_at_all(
    pictures: FoundPictures, tmp_path: Path
) -> None:
    """Only those that the brief names; an invalid one names prompt and path."""
    inner = Renderer()
    fields = {
        "image": path_field("image", {"type": "image"}),
        "control.mask": path_field("control.mask", {"type": "mask"}),
    }
    renderer = RendererWithPictures(inner, {(Kind.IMAGE, ""): lambda: fields}, pictures)  # type: ignore[arg-type]
    for members in ({}, {"image": {"artifact": 1}, "control": {"mask": "a.png"}}):
        brief = parse_brief(Kind.IMAGE, json.dumps({"prompt": "a lake"} | members)).unwrap()
        assert renderer.render(job(brief, tmp_path), None) == "rendered"  # type: ignore[arg-type]
    assert [sorted(done.pictures) for done in inner.jobs] == [[], ["control.mask", "image"]]
    brief = parse_brief(Kind.IMAGE, '{"prompt": "x", "image": "../x.png"}').unwrap()
    refused = renderer.render(job(brief, tmp_path), None)  # type: ignore[arg-type]
    assert not is_successful(refused)
    assert refused.failure().message.startswith("prompt 200, image: '../x.png' is not a plain path")
    assert len(inner.jobs) == 2
