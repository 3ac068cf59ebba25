"""The MP3 is complete: every frame is counted and none is partial."""

import io

import av
import numpy as np
import pytest
from tinytag import TinyTag

from sketch.audio.recording import Tags, chunks_of, encoded, tag

_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


def frames_of(content: bytes) -> list[bytes]:
    """The MPEG-1 layer III frames at 44.1 kHz from the first byte to the last."""
    frames, at = [], 0
    while at < len(content):
        assert content[at] == 0xFF
        assert content[at + 1] & 0xFE == 0xFA
        size = 144_000 * _RATES[content[at + 2] >> 4] // 44_100 + (content[at + 2] >> 1 & 1)
        assert at + size <= len(content), "partial frame"
        frames.append(content[at : at + size])
        at += size
    return frames


def _tone(seconds: float) -> np.ndarray:
    times = np.arange(int(seconds * 44_100)) / 44_100
    return np.stack([0.3 * np.sin(2 * np.pi * hz * times) for hz in (440, 660)]).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.5, 3.0, 7.31])
def test_the_frame_count_in_the_header_is_correct(seconds: float) -> None:
    """The Xing (or Info) header counts exactly the frames that follow it, and their bytes."""
    content = encoded(_tone(seconds))
    first, *rest = frames_of(content)
    header = first.index(b"Xing") if b"Xing" in first else first.index(b"Info")
    flags = int.from_bytes(first[header + 4 : header + 8], "big")
    assert flags & 3 == 3
    assert int.from_bytes(first[header + 8 : header + 12], "big") == len(rest)
    assert int.from_bytes(first[header + 12 : header + 16], "big") == len(content)


def test_it_decodes_to_the_original_sound() -> None:
    """Same length, same tone, separate left and right channels."""
    sound = _tone(2.0)
    with av.open(io.BytesIO(encoded(sound)), mode="r") as container:
        heard = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
    assert heard.shape[1] == pytest.approx(sound.shape[1], abs=2400)
    for side, hz in enumerate((440, 660)):
        spectrum = np.abs(np.fft.rfft(heard[side][:44_100]))
        assert abs(int(np.argmax(spectrum)) - hz) <= 1


def test_progress_is_called_once_for_each_chunk() -> None:
    """A progress bar can show the total."""
    sound, calls = _tone(7.31), list[int]()
    encoded(sound, lambda: calls.append(1))
    assert len(calls) == chunks_of(sound.shape[1]) == 3


@pytest.mark.parametrize("text", ["Plain", "Überstraße ♥", "雪の歌", "Песня", "🔥 fire", "a" * 300])
def test_tags_are_read_back_by_other_libraries(text: str) -> None:
    """Tinytag and FFmpeg read title, genre, comment and lyrics in any script."""
    lyrics = f"[VERSE]\n{text}\n"
    content = tag(Tags(text, "indie folk", "a comment", lyrics, 92, "F#m")) + encoded(_tone(0.5))
    read = TinyTag.get("song.mp3", file_obj=io.BytesIO(content))
    assert (read.title, read.genre, read.comment) == (text, "indie folk", "a comment")
    assert read.other["lyrics"] == [lyrics]
    with av.open(io.BytesIO(content)) as container:
        assert container.metadata["title"] == text
    assert content.count(b"ID3") == 1


def test_an_empty_text_and_stray_nulls_write_no_broken_frame() -> None:
    """A null would end a text early for every reader."""
    content = tag(Tags("A\x00B", "", "", "", 92, "")) + encoded(_tone(0.5))
    read = TinyTag.get("song.mp3", file_obj=io.BytesIO(content))
    assert (read.title, read.genre, read.comment) == ("AB", None, None)
