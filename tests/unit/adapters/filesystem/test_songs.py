"""Checks that only apply to songs."""

from __future__ import annotations

import io
import itertools
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification.media import InvalidMediaError
from adapters.filesystem.verification.ogg import verify_ogg
from adapters.media_files.waveforms import measure_levels
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from domain.artifact import MediaFacts


def _facts(tree: Tree, name: str, data: bytes) -> MediaFacts:
    (facts,) = tree.keep({name: data}, Kind.AUDIO).unwrap().files
    return facts


def _failure(tree: Tree, name: str, data: bytes) -> Failure:
    return tree.keep({name: data}, Kind.AUDIO).failure()


def _frame_length(data: bytes) -> int:
    """The length of each MP3 frame; the first, which holds no sound, may differ."""
    first = data.index(b"\xff\xfb")
    second = data.index(b"\xff\xfb", first + 4)
    return data.index(b"\xff\xfb", second + 4) - second


@pytest.mark.parametrize("format_name", media_samples.SONG_FORMATS)
def test_the_duration_is_that_of_the_sound(tree: Tree, format_name: str) -> None:
    """Half a second is half a second, give or take an encoder's own silence."""
    suffix = media_samples.SUFFIXES[format_name]
    facts = _facts(tree, f"a{suffix}", media_samples.song(format_name))
    assert facts.duration_seconds == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("written", "format_name", "published"),
    [
        ("a.ogg", "opus", "a.ogg"),
        ("a.oga", "ogg", "a.ogg"),
        ("a.mp3", "opus", "a.opus"),
        ("a.mp3", "flac", "a.flac"),
        ("a.wav", "mp3", "a.mp3"),
    ],
)
def test_the_suffix_follows_the_content(
    tree: Tree, written: str, format_name: str, published: str
) -> None:
    """Opus may call itself Ogg, which it is; all others get their own suffix."""
    facts = _facts(tree, written, media_samples.song(format_name))
    assert (facts.name, facts.format) == (published, format_name)


@pytest.mark.parametrize("format_name", ["flac", "wav"])
def test_24_bits_pass(tree: Tree, format_name: str) -> None:
    """The digest of 24-bit FLAC is checked as well."""
    data = media_samples.song(format_name, bits=24)
    assert _facts(tree, f"a.{format_name}", data).format == format_name


def test_a_flac_whose_sound_is_not_what_was_encoded_is_broken(tree: Tree) -> None:
    """The digest in the header covers every sample."""
    data = bytearray(media_samples.song("flac", bits=24))
    data[26] ^= 1
    assert "digest" in _failure(tree, "a.flac", bytes(data)).message


def test_a_flac_without_a_length_was_never_finished(tree: Tree) -> None:
    """Encoders write the number of samples last."""
    data = bytearray(media_samples.song("flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert _failure(tree, "a.flac", bytes(data)).code is FailureCode.FILE_BROKEN


def test_tags_around_an_mp3_are_no_damage(tree: Tree) -> None:
    """ID3v2 twice before, APE and ID3v1 after."""
    data = media_samples.with_id3_tags(media_samples.mp3())
    assert _facts(tree, "a.mp3", data).duration_seconds == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("lost", [1, 64, 128, 140])
def test_a_cut_within_the_trailing_tags_is_detected(tree: Tree, lost: int) -> None:
    """Only a complete tag can be missing undetected: the sound is complete then."""
    data = media_samples.with_id3_tags(media_samples.mp3())[:-lost]
    if lost == 128:
        _facts(tree, "a.mp3", data)
    else:
        assert _failure(tree, "a.mp3", data).code is FailureCode.FILE_BROKEN


def test_an_mp3_with_missing_frames_is_broken(tree: Tree) -> None:
    """Cut exactly between two frames, it has fewer than its Info header says."""
    data = media_samples.mp3()
    failure = _failure(tree, "a.mp3", data[: -_frame_length(data)])
    assert failure.code is FailureCode.FILE_BROKEN
    assert "frames" in failure.message


def test_an_mp3_without_a_count_passes(tree: Tree) -> None:
    """Plain frames are a valid song."""
    data = media_samples.mp3()
    second = data.index(b"\xff\xfb", data.index(b"\xff\xfb") + 4)
    assert _facts(tree, "a.mp3", data[second:]).format == "mp3"


def test_the_length_of_an_mp3_is_counted_rather_than_estimated(tree: Tree) -> None:
    """A variable bitrate without a count, as lameenc 1.9.0 has it, which FFmpeg estimates badly."""
    silence = np.zeros((1, 2 * 44_100), "<i2")
    noise = np.random.default_rng(0).integers(-8000, 8000, (1, 44_100), "<i2")
    frame = av.AudioFrame.from_ndarray(np.hstack([silence, noise]), format="s16", layout="mono")
    frame.sample_rate = 44_100
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.qscale = True
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(io.BytesIO(file.getvalue()), "r") as source:
        assert source.duration is not None
        assert source.duration / av.time_base > 4
    assert _facts(tree, "a.mp3", file.getvalue()).duration_seconds == pytest.approx(3, abs=0.1)


def test_a_fraunhofer_frame_count_is_used(tree: Tree) -> None:
    """The VBRI header has its own position in the first frame."""
    data = bytearray(media_samples.mp3())
    frame = data.index(b"\xff\xfb")
    info = data.index(b"Info") if b"Info" in data else data.index(b"Xing")
    data[info : info + 4] = bytes(4)
    head = struct.pack(">4sHHHI", b"VBRI", 1, 0, 0, 0)
    data[frame + 36 : frame + 36 + len(head)] = head
    place = frame + 50
    data[place : place + 4] = struct.pack(">I", 5)
    _facts(tree, "a.mp3", bytes(data))
    data[place : place + 4] = struct.pack(">I", 5000)
    assert "5,000 frames" in _failure(tree, "a.mp3", bytes(data)).message


@pytest.mark.parametrize(
    ("riff", "sound"),
    [
        (0xFFFF_FFFF, 0xFFFF_FFFF),  # FFmpeg
        (0x7FFF_F024, 0x7FFF_F000),  # SoX
        (0x8000_0023, 0x7FFF_FFFF),  # LAME
        (0xFFFF_FFFF, None),
    ],
)
def test_a_wav_that_was_piped(tree: Tree, riff: int, sound: int | None) -> None:
    """Its sound extends to the end of the file; a cut inside a sample is still detected."""
    data = bytearray(media_samples.song("wav"))
    data[4:8] = riff.to_bytes(4, "little")
    place = data.index(b"data") + 4
    if sound is not None:
        data[place : place + 4] = sound.to_bytes(4, "little")
    assert _facts(tree, "a.wav", bytes(data)).duration_seconds == pytest.approx(0.5)
    assert _failure(tree, "a.wav", bytes(data[:-1])).code is FailureCode.FILE_BROKEN


_TAGS = {name: tag() for name, tag in media_samples.TRAILING_TAGS.items()}


@pytest.mark.parametrize("format_name", ["mp3", "flac"])
@pytest.mark.parametrize(
    "order", [*itertools.permutations(_TAGS, 2), tuple(_TAGS), tuple(reversed(_TAGS))]
)
def test_tags_in_any_order(tree: Tree, format_name: str, order: tuple[str, ...]) -> None:
    """Tags before and after the sound are no damage, and need not be complete."""
    whole = media_samples.song(format_name)
    data = media_samples.id3v2_tag() + whole + b"".join(_TAGS[name] for name in order)
    facts = _facts(tree, f"a.{format_name}", data)
    assert (facts.format, facts.file_size) == (format_name, len(data))
    levels = measure_levels(io.BytesIO(data), format_name)
    assert levels == measure_levels(io.BytesIO(whole), format_name)
    cut = media_samples.id3v2_tag() + whole[:-30] + _TAGS[order[0]]
    assert _failure(tree, f"a.{format_name}", cut).code is FailureCode.FILE_BROKEN


@pytest.mark.parametrize("zeros", [1, 2, 4096])
@pytest.mark.parametrize("tag", [b"", media_samples.id3v1_tag()])
def test_zeros_after_a_flac_are_refused(tree: Tree, zeros: int, tag: bytes) -> None:
    """They do not change the checksum of the last frame."""
    for bits in (16, 24):
        data = media_samples.song("flac", bits=bits) + bytes(zeros) + tag
        assert _failure(tree, "a.flac", data).code is FailureCode.FILE_REFUSED


def test_a_flac_that_ends_in_a_zero_of_its_own(tree: Tree) -> None:
    """One file in 256 does."""
    songs = (media_samples.song("flac", 0.1 + number / 48_000) for number in range(3_000))
    assert _facts(tree, "a.flac", next(song for song in songs if song.endswith(b"\0"))).format


def test_a_very_short_song_is_refused(tree: Tree) -> None:
    """A song of a hundredth of a second is a failed render."""
    failure = _failure(tree, "a.wav", media_samples.song("wav", 0.01))
    assert failure.code is FailureCode.FILE_BROKEN


def test_an_endless_song_is_refused(tmp_path: Path) -> None:
    """The limit applies while the song is decoded, whatever its header says."""
    store = Tree(tmp_path, StoreLimits(max_audio_seconds=1))
    failure = _failure(store, "a.flac", media_samples.song("flac", 1.2))
    assert failure.code is FailureCode.FILE_REFUSED


def test_a_playlist_is_no_song(tree: Tree) -> None:
    """FFmpeg would follow it to other files; its format detection is never used."""
    playlist = b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"
    assert _failure(tree, "a.mp3", playlist).code is FailureCode.FILE_BROKEN


def test_an_m4a_without_its_index_is_broken(tree: Tree) -> None:
    """The moov box comes last, when the encoder finishes."""
    data = media_samples.song("m4a")
    failure = _failure(tree, "a.m4a", data[: data.index(b"moov") - 4])
    assert failure.code is FailureCode.FILE_BROKEN
    assert "moov" in failure.message


def test_a_fragmented_m4a_is_refused(tree: Tree) -> None:
    """Fragments can be missing undetected."""
    fragment = struct.pack(">I4s", 8, b"moof")
    failure = _failure(tree, "a.m4a", media_samples.song("m4a") + fragment)
    assert failure.code is FailureCode.FILE_REFUSED


def test_a_missing_ogg_page_is_detected(tree: Tree) -> None:
    """Pages are numbered; the rest of the file is valid."""
    data = media_samples.song("ogg", 6.0)
    starts = [place for place in range(len(data)) if data.startswith(b"OggS", place)]
    assert len(starts) > 3
    gap = data[: starts[-2]] + data[starts[-1] :]
    assert "missing" in _failure(tree, "a.ogg", gap).message


@pytest.mark.parametrize("format_name", ["ogg", "opus"])
def test_every_byte_of_an_ogg_file_has_a_checksum(format_name: str) -> None:
    """Without the decoder, which skips damaged pages."""
    data = media_samples.song(format_name)
    for place in range(0, len(data), 5):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        with pytest.raises(InvalidMediaError):
            verify_ogg(io.BytesIO(flipped), len(flipped))


_VERIFY = """
import resource, sys
from pathlib import Path
from adapters.filesystem.verification.song import verify_song
from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification.media import InvalidMediaError
for name in sys.argv[1:]:
    path = Path(name)
    try:
        verify_song(path, path.stat().st_size, StoreLimits())
    except InvalidMediaError:
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _verify_apart(*paths: Path) -> subprocess.CompletedProcess[str]:
    # Started by a shell: Linux counts the size of the parent process as the peak of a new program.
    shell = ["/bin/sh", "-c", '"$0" "$@"; exit $?']
    command = [*shell, sys.executable, "-c", _VERIFY, *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603


def test_decoders_print_no_messages_on_the_terminal(tmp_path: Path) -> None:
    """FFmpeg would print messages about damaged sound."""
    path = tmp_path / "a.mp3"
    data = bytearray(media_samples.mp3())
    first = data.index(b"\xff\xfb")
    for place in range(first + 400, len(data), 97):
        if b"\xff" not in data[place - 4 : place + 4]:
            data[place] ^= 0x55
    path.write_bytes(bytes(data))
    assert _verify_apart(path).stderr == ""


@pytest.mark.slow
def test_memory_stays_flat_on_long_songs(tmp_path: Path) -> None:
    """Twenty times the length takes hardly more memory: the sound itself would take 115 MB."""
    short, long = tmp_path / "short.flac", tmp_path / "long.flac"
    short.write_bytes(media_samples.song("flac", 5.0))
    long.write_bytes(media_samples.song("flac", 100.0))
    small, large = map(int, _verify_apart(short, long).stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    assert (large - small) * unit < 12_000_000
