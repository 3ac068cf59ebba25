"""A waveform shows where a song is loud, in any format."""

from __future__ import annotations

import io
import wave
from array import array
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from adapters.media_files import waveforms
from adapters.media_files.derived_files import DerivedFileCache, SingleFlight
from adapters.media_files.media_file import MediaFolder
from adapters.media_files.waveforms import LEVEL_COUNT, SoundLevels, Waveforms, measure_levels
from application.ports.media_files import InvalidMediaError
from tests.media_samples import SONG_FORMATS, SONG_SECONDS, png, song

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.media_files import MediaFile

RATE = 8_000


def _wav(samples: list[int], channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(array("h", samples).tobytes())
    return file.getvalue()


@pytest.mark.parametrize("format_name", SONG_FORMATS)
def test_each_format_is_measured(format_name: str) -> None:
    """The sample's peak is 9,000 of 32,768, and it lasts half a second."""
    found = measure_levels(io.BytesIO(song(format_name)), format_name)
    assert len(found.levels) == LEVEL_COUNT
    assert max(found.levels) == pytest.approx(9000 / 32768, abs=0.1)
    assert found.seconds == pytest.approx(SONG_SECONDS, abs=0.1)


def test_24_bits_are_as_loud_as_16() -> None:
    """Each format has its own scale."""
    found = measure_levels(io.BytesIO(song("wav", bits=24)), "wav")
    assert max(found.levels) == pytest.approx(9000 / 32768, abs=0.01)


def test_loud_parts_are_at_their_position() -> None:
    """Silence, then half volume, then the loudest possible sample, on the negative side."""
    third = RATE
    content = _wav([0] * third + [16384] * third + [-32768] * third)
    found = measure_levels(io.BytesIO(content), "wav")
    assert found.seconds == 3
    nine = found.in_parts(9)
    assert (nine[:2], nine[4], nine[-2:]) == ([0.0, 0.0], 0.5, [1.0, 1.0])


def test_the_louder_channel_counts() -> None:
    """A song on the left channel alone is not silence."""
    found = measure_levels(io.BytesIO(_wav([16384, 0] * RATE, channels=2)), "wav")
    assert set(found.levels) == {0.5}


def test_a_song_of_a_few_samples_has_a_waveform_too() -> None:
    """With fewer samples than parts, some are shown twice."""
    found = measure_levels(io.BytesIO(_wav([32767] * 5)), "wav")
    assert set(found.levels) == {1.0}


@pytest.mark.parametrize("parts", [1, 7, 400, 1999, 2000])
def test_every_number_of_parts_covers_the_whole(parts: int) -> None:
    """No sample is lost, and none is invented."""
    levels = SoundLevels(tuple((number % 97) / 100 for number in range(LEVEL_COUNT)), 1.0)
    found = levels.in_parts(parts)
    assert len(found) == parts
    assert max(found) == max(levels.levels)
    assert set(found) <= set(levels.levels)


@pytest.mark.parametrize("format_name", SONG_FORMATS)
def test_an_invalid_song_is_refused(format_name: str) -> None:
    """Broken headers, and sound in another format than the header says."""
    for content in (song(format_name)[:20], b"", b"OggS" + bytes(500), png()):
        with pytest.raises(InvalidMediaError):
            measure_levels(io.BytesIO(content), format_name)


def test_no_sound_is_no_waveform() -> None:
    """A container without any sample."""
    with pytest.raises(InvalidMediaError):
        measure_levels(io.BytesIO(_wav([])), "wav")


def test_decoding_ends_when_it_takes_too_long() -> None:
    """A clock that advances ten seconds at each call stands for a slow machine."""
    ticks = count(step=10)
    with pytest.raises(InvalidMediaError, match="too long"):
        measure_levels(io.BytesIO(song("wav", 1.0)), "wav", lambda: float(next(ticks)))


def _media(root: Path, content: bytes) -> MediaFile:
    (root / "a.mp3").write_bytes(content)
    found = MediaFolder(root).open("a.mp3", {})
    assert found is not None
    return found


def test_a_song_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server of the same database finds the cached one; a truncated one is made again."""
    media = _media(tmp_path, song("mp3"))
    folder = tmp_path / "copies"
    with closing(media.file):
        first = Waveforms(DerivedFileCache(folder, 10**6), SingleFlight()).levels(media)
        (kept,) = (path for path in folder.rglob("*") if path.is_file())
        kept.write_bytes(kept.read_bytes()[:-9])
        assert Waveforms(DerivedFileCache(folder, 10**6), SingleFlight()).levels(media) == first
        monkeypatch.setattr(waveforms, "measure_levels", None)
        assert Waveforms(DerivedFileCache(folder, 10**6), SingleFlight()).levels(media) == first


def test_a_picture_has_no_waveform(tmp_path: Path) -> None:
    """Whatever its name is."""
    media = _media(tmp_path, png())
    shop = Waveforms(DerivedFileCache(tmp_path / "copies", 10**6), SingleFlight())
    with closing(media.file), pytest.raises(InvalidMediaError, match="no song"):
        shop.levels(media)
