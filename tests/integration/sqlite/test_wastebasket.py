"""Deleting published files permanently: only published ones, once, completed after a crash."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.media_files.derived_files import DerivedFileCache
from adapters.media_files.derived_media import DerivedMediaFiles
from adapters.media_files.fingerprints import FingerprintFile
from adapters.media_files.media_file import MediaFolder
from adapters.media_files.picture_index import PictureFile
from adapters.sql_queue.curation import SqlCuration
from adapters.sqlite.connection import Connection
from application.wastebasket import Wastebasket
from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.ports.curation import Curation

NOW = datetime.now(UTC)
MONTH = timedelta(days=30, hours=12)  # NOW is that of the import


class _Place:
    """An output root with files and their rows."""

    def __init__(self, folder: Path, curation: Curation, poet: Poet) -> None:
        self.root = folder / "out"
        self.curation = curation
        self.poet = poet
        self.published = MediaFolder(self.root)
        self.cache = DerivedFileCache(folder / "thumbnails", 10**6)
        derived = DerivedMediaFiles(self.cache, folder)
        self.wastebasket = Wastebasket(curation, self.published, derived)

    def publish(self, number: int, content: bytes = b"picture") -> Path:
        """Create a file with the row that Media Generator would write."""
        path = f"image/{number}_20260106T213045/a.png"
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        facts = {"renderer": "script", "sha256": digest, "file_size": len(content)}
        self.poet.execute(
            "INSERT INTO prompt_artifacts (id, prompt_id, artifact_type, file_path, preview_path,"
            " metadata) VALUES (?, ?, 'image', ?, ?, ?)",
            (number, number, path, path, json.dumps(facts)),
        )
        return file


@pytest.fixture
def place(tmp_path: Path) -> Iterator[_Place]:
    """An output root, and a database."""
    poet = Poet(fresh_database(tmp_path / "m.db"))
    with closing(Connection(poet.path, 5.0)) as connection:
        yield _Place(tmp_path, SqlCuration(connection), poet)


def test_files_are_deleted_after_thirty_days_and_their_rows_stay(place: _Place) -> None:
    """The folder of the render is deleted too, and a file that was restored stays."""
    first, second = place.publish(1), place.publish(2)
    place.curation.discard([1, 2])
    assert place.wastebasket.empty_expired(NOW).removed == []
    assert first.exists()
    place.curation.restore([2])
    assert place.wastebasket.empty_expired(NOW + MONTH).removed == [1]
    assert not first.parent.exists()
    assert second.exists()
    assert place.curation.of([1])[1].is_purged
    assert place.wastebasket.empty_expired(NOW + MONTH).removed == []
    assert place.poet.execute("SELECT count(*) FROM prompt_artifacts") == [(2,)]


def test_the_manifest_beside_a_file_is_deleted_with_it(place: _Place) -> None:
    """For a signed song in a format that cannot contain the signature."""
    file = place.publish(1)
    manifest = file.with_suffix(".c2pa")
    manifest.write_bytes(b"manifest")
    place.poet.execute(
        "UPDATE prompt_artifacts SET metadata = json_set(metadata, '$.mark.signature', 'sidecar')"
    )
    place.curation.discard([1])
    assert place.wastebasket.empty_now().removed == [1]
    assert not manifest.exists()
    assert not file.parent.exists()


def test_derived_files_are_deleted_too(place: _Place, tmp_path: Path) -> None:
    """Its thumbnails and fingerprints; those of other files stay."""
    kept = [place.publish(number, b"picture %d" % number) for number in (1, 2)][1]
    digests = [hashlib.sha256(b"picture %d" % number).hexdigest() for number in (1, 2)]
    for number, digest in enumerate(digests, start=1):
        facts = {"sha256": digest, "file_size": len(b"picture 1")}
        media = place.published.open(f"image/{number}_20260106T213045/a.png", facts)
        assert media is not None
        media.file.close()
        place.cache.save(media.identity, "320.webp", b"RIFF")
    fingerprints = FingerprintFile(tmp_path / "fingerprints.db")
    fingerprints.save([(digest, 7) for digest in digests])
    with closing(PictureFile(tmp_path / "pictures.db")) as index:
        index.add([(1, 7), (2, 7)], {})
        place.curation.discard([1])
        assert place.wastebasket.empty_now().removed == [1]
        assert index.near(7, 8) == [(0, 2)]
        assert index.known([1, 2]) == {1, 2}
    assert fingerprints.known() == {digests[1]: 7}
    assert len(list((tmp_path / "thumbnails").glob("*/*.webp"))) == 1
    assert kept.exists()


def test_chosen_files_are_deleted_at_once(place: _Place) -> None:
    """The others stay in the wastebasket."""
    files = [place.publish(number) for number in (1, 2)]
    place.curation.discard([1, 2])
    assert place.wastebasket.empty_now({2}).removed == [2]
    assert [file.exists() for file in files] == [True, False]


def test_changed_or_needed_files_stay(place: _Place) -> None:
    """Another program's work is not deleted."""
    changed, needed = place.publish(1), place.publish(2)
    changed.write_bytes(b"retouch")  # as long as before
    place.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)"
        " SELECT 9, 'image', file_path FROM prompt_artifacts WHERE id = 2"
    )
    place.curation.discard([1, 2])
    emptied = place.wastebasket.empty_now()
    assert emptied.removed == []
    assert {number: reason[:8] for number, reason in emptied.kept.items()} == {
        1: "the file",
        2: "another ",
    }
    assert changed.exists()
    assert needed.exists()


def test_a_deletion_is_completed_after_a_crash(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the process ended before or after the file was deleted."""
    files = [place.publish(number) for number in (1, 2)]
    place.curation.discard([1, 2])

    class PowerLossError(BaseException):
        pass

    def lose_power(path: str) -> None:
        if path.startswith("image/2_"):
            MediaFolder(place.root).remove(path)
        raise PowerLossError

    monkeypatch.setattr(place.published, "remove", lose_power)
    for number in (1, 2):
        with pytest.raises(PowerLossError):
            place.wastebasket.empty_now({number})
    assert [file.exists() for file in files] == [True, False]
    assert set(place.curation.restore([1, 2]).refused) == {1, 2}
    monkeypatch.undo()
    assert place.wastebasket.empty_expired(NOW).removed == [1, 2]
    assert not files[0].exists()


def test_an_unmounted_volume_keeps_everything(place: _Place) -> None:
    """Files are not considered gone because their folder is empty just now."""
    file = place.publish(1)
    place.curation.discard([1])
    (place.root / "image").rename(place.root / "away")
    assert "cannot be removed" in place.wastebasket.empty_now().kept[1]
    (place.root / "away").rename(place.root / "image")
    assert place.wastebasket.empty_now().removed == [1]
    assert not file.exists()


def test_links_are_not_followed(place: _Place, tmp_path: Path) -> None:
    """A folder that is a link is not entered."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.png").write_bytes(b"theirs")
    file = place.publish(1)
    file.unlink()
    file.parent.rmdir()
    file.parent.symlink_to(outside)
    place.curation.discard([1])
    assert place.wastebasket.empty_now().removed == []
    assert (outside / "a.png").exists()
