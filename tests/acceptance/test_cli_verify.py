"""``mediagen verify``, ``mediagen export`` and ``mediagen marking`` on published files."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from adapters.media_marks.marker import Marker
from domain.mark import TRAINED, Mark
from tests import media_samples
from tests.acceptance.test_cli_show import publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import CommandLine
    from tests.databases import Poet

FIRST, SECOND = "image/1_20260106T213045/a.png", "image/1_20260106T213045/b.png"


@pytest.fixture
def root(shell: CommandLine, poet: Poet) -> Path:
    """An output root with two pictures that an earlier version published without marks."""
    comfyui = shell.home / "ComfyUI"
    output = comfyui / "output" / "poets"
    shell.environment["COMFYUI_DIR"] = str(comfyui)
    prompt_id = poet.write('{"prompt": "A lake"}')
    for number, path in enumerate((FIRST, SECOND), start=1):
        content = media_samples.picture("png", (24 + number, 16))
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(content)
        metadata = {
            "prompt": "A lake",
            "sha256": hashlib.sha256(content).hexdigest(),
            "file_size": len(content),
            "generated_at": "2026-01-06T21:31:00Z",
            "workflow": "flux.json",
            "seed": 7,
        }
        if path == FIRST:  # the other one belongs to another program
            metadata["renderer"] = "server"
        publish(poet, prompt_id, path, json.dumps(metadata))
    return output


def test_files_are_exported_marked_and_verified(shell: CommandLine, root: Path) -> None:
    """Published files stay unmarked; exported copies are marked, identically each time."""
    verified = shell.run("verify", "--all")
    assert verified.returncode == 1
    assert verified.stdout.splitlines()[-1] == "2 published files: 2 unmarked"
    assert shell.json("export", "--mark", "out") == {"exported": 2, "marked": 1, "missing": 0}
    ours, other = shell.home / "out" / FIRST, shell.home / "out" / SECOND
    assert other.read_bytes() == (root / SECOND).read_bytes()
    document = shell.run("--json", "verify", str(ours), str(other), str(root / FIRST))
    assert document.returncode == 1
    first, second, published = json.loads(document.stdout)["files"]
    assert first["mark"]["source_type"] == "trainedAlgorithmicMedia"
    assert first["mark"]["made_at"] == "2026-01-06T21:31:00Z"
    assert "prompt" not in first["mark"]
    assert (second["verdict"], published["verdict"]) == ("unmarked", "unmarked")
    assert published["artifact"]["file_path"] == FIRST
    rows = [
        json.loads(line) for line in (shell.home / "out/artifacts.jsonl").read_text().splitlines()
    ]
    assert {row["file"]: row["mark"] for row in rows} == {FIRST: "written", SECOND: None}
    marked = ours.read_bytes()
    shutil.rmtree(shell.home / "out")
    assert shell.run("export", "--mark", "out", "1", "99").returncode == 1
    assert ours.read_bytes() == marked


def test_changed_and_missing_files_are_reported(shell: CommandLine, root: Path) -> None:
    """By the hash in the row and by the missing file; a hash alone can be looked up too."""
    content = (root / FIRST).read_bytes()
    (root / FIRST).write_bytes(content[:-20])
    (root / SECOND).unlink()
    verified = shell.run("verify", "--all")
    assert verified.returncode == 3
    assert verified.stdout.splitlines()[-1] == "2 published files: 1 changed, 1 unreadable"
    assert shell.run("verify", str(root / FIRST)).returncode == 2
    assert shell.run("export", "out").stdout == "exported 1 file to out\n"
    digest = hashlib.sha256(content).hexdigest()
    known = shell.run("verify", "--hash", digest.upper())
    assert (known.returncode, "artifact 1 of prompt 1" in known.stdout) == (0, True)
    assert known.stdout == (
        f"{digest}  artifact 1 of prompt 1: {FIRST} (flux.json, seed 7, 2026-01-06T21:31:00Z)\n"
    )
    unknown = shell.run("verify", "--hash", "0" * 64)
    assert (unknown.returncode, unknown.stdout) == (1, f"{'0' * 64}  not published here\n")
    assert shell.run("verify", "--hash", "xyz").returncode == 2
    assert shell.run("verify").returncode == 2


def test_a_missing_manifest_of_a_published_song_is_found(
    shell: CommandLine, root: Path, poet: Poet
) -> None:
    """The song itself is as it was published, but no longer signed."""
    content = media_samples.song("opus")
    path = "audio/1_20260106T213045/a.opus"
    target = root / path
    target.parent.mkdir(parents=True)
    target.with_name(".copy").write_bytes(content)
    mark = Mark("1", TRAINED, datetime(2026, 1, 6, tzinfo=UTC), "ace.json", "ComfyUI")
    done = Marker("Media Generator 1.0").mark(target.with_name(".copy"), target, "opus", mark)
    metadata = {
        "sha256": done.sha256,
        "mark": {"id": done.mark.id, "source_type": TRAINED, "signature": "sidecar"},
    }
    publish(poet, 1, path, json.dumps(metadata))
    for artifact in (FIRST, SECOND):
        (root / artifact).unlink()
    found = shell.run("verify", "--all")
    assert found.returncode == 3
    assert f"changed     {path}  Its signature, a.c2pa beside it, is gone.\n" in found.stdout


def test_a_copy_that_is_signed_in_a_file_beside_it_is_not_marked(
    shell: CommandLine, root: Path, poet: Poet
) -> None:
    """The mark would break its signature; once that is gone, the copy is marked."""
    content = media_samples.song("opus")
    path = "audio/1_20260106T213045/a.opus"
    (root / path).parent.mkdir(parents=True)
    (root / path).write_bytes(content)
    (root / path).with_suffix(".c2pa").write_bytes(b"any manifest")
    metadata = {"renderer": "server", "mark": {"signature": "sidecar"}}
    publish(poet, 1, path, json.dumps(metadata))
    (root / FIRST).unlink()
    exported = json.loads(shell.run("--json", "export", "--mark", "out").stdout)
    assert exported == {"exported": 2, "marked": 0, "missing": 1}
    assert (shell.home / "out" / path).read_bytes() == content
    assert (shell.home / "out" / path).with_suffix(".c2pa").read_bytes() == b"any manifest"
    (root / path).with_suffix(".c2pa").unlink()
    again = json.loads(shell.run("--json", "export", "--mark", "again").stdout)
    assert again == {"exported": 2, "marked": 1, "missing": 1}


def test_a_re_encoded_copy_is_recognized(shell: CommandLine, root: Path) -> None:
    """By its perceptual fingerprint; published pictures are fingerprinted once."""
    scene = Image.radial_gradient("L").resize((300, 200)).convert("RGB")
    scene.paste("navy", (20, 30, 120, 180))
    scene.save(root / FIRST)
    scene.resize((150, 100)).save(shell.home / "copy.jpg", quality=40)
    (root / SECOND).write_bytes(b"damaged")
    other = Image.linear_gradient("L").rotate(90).convert("RGB")
    other.paste("red", (200, 10, 240, 250))
    other.save(shell.home / "other.png")
    for _ in range(2):
        verified = shell.run("--json", "verify", "--similar", "copy.jpg", "other.png")
        assert verified.returncode == 1, verified.stderr
        copy, other_picture = json.loads(verified.stdout)["files"]
        assert [one["file_path"] for one in copy["similar"]] == [FIRST]
        assert copy["similar"][0]["different_bits"] <= 8
        assert other_picture["similar"] == []
        (root / FIRST).unlink(missing_ok=True)


def test_a_test_certificate_is_created_once(shell: CommandLine) -> None:
    """The key file is private, and no file is replaced."""
    pytest.importorskip("c2pa")
    made = shell.run("marking", "init-test-certificate", "t.pem")
    assert made.returncode == 0, made.stderr
    assert (shell.home / "t.pem").stat().st_mode & 0o777 == 0o600
    content = (shell.home / "t.pem").read_bytes()
    assert shell.run("marking", "init-test-certificate", "t.pem").returncode != 0
    assert (shell.home / "t.pem").read_bytes() == content
    shell.environment["MEDIA_GENERATOR_MEDIA__MARKING__CERTIFICATE"] = str(shell.home / "t.pem")
    assert "published files are signed; the certificate is valid" in shell.run("doctor").stdout
