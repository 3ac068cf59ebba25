"""Marks are written into every format, change no pixel and no sample, and are read by tools."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from adapters.filesystem.inspection import FileInspector
from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.verification.picture import verify_picture
from adapters.filesystem.verification.song import verify_song
from adapters.media_files.thumbnails import draw_thumbnail
from adapters.media_marks.marker import Marker, scan_file
from adapters.media_marks.songs import SONGS
from application.file_report import Verdict, judge
from domain.mark import ALGORITHMIC, SOURCE_TYPES, TRAINED, Mark
from tests import media_samples

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.media_marks.marker import Marked

MARK = Mark(
    key="7/12/00ff/1",
    source_type=TRAINED,
    made_at=datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC),
    workflow='größe & "more".json',
    system="flux1-dev.safetensors",
    prompt="a secret garden",
)
ADDRESS = SOURCE_TYPES + TRAINED


def marked(
    folder: Path, content: bytes, format_name: str, mark: Mark = MARK, marker: Marker | None = None
) -> tuple[bytes, Marked]:
    """The bytes of a marked file, and the report on it."""
    source, target = folder / ".copy", folder / f"made{media_samples.SUFFIXES[format_name]}"
    source.write_bytes(content)
    target.unlink(missing_ok=True)
    done = (marker or Marker("Media Generator 1.0")).mark(source, target, format_name, mark)
    assert not source.exists()
    new = target.read_bytes()
    assert (done.size, done.sha256) == (len(new), hashlib.sha256(new).hexdigest())
    return new, done


def decoded(content: bytes, format_name: str) -> object:
    """Every pixel or every sample."""
    if format_name in media_samples.PICTURE_FORMATS:
        with Image.open(io.BytesIO(content)) as picture:
            frames = []
            for frame in range(getattr(picture, "n_frames", 1)):
                picture.seek(frame)
                frames.append((picture.size, picture.convert("RGBA").tobytes()))
            return frames
    with av.open(io.BytesIO(content), "r", metadata_errors="ignore") as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(audio=0)]


def verify(path: Path, format_name: str) -> None:
    """Verify a file as before publication; raises if it is damaged."""
    is_picture = format_name in media_samples.PICTURE_FORMATS
    (verify_picture if is_picture else verify_song)(path, path.stat().st_size, StoreLimits())


def layout_of(content: bytes, format_name: str) -> tuple[str, str]:
    """The source type in a file, and its packet or tags as text."""
    layout = scan_file(io.BytesIO(content), format_name)
    return layout.source_type(), (layout.xmp or b"").decode() + json.dumps(layout.tags)


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
def test_a_mark_changes_neither_pixels_nor_samples(tmp_path: Path, format_name: str) -> None:
    """A marked file is valid, decodes to the same, and is about a kilobyte larger."""
    raw = media_samples.media(format_name)
    new, done = marked(tmp_path, raw, format_name)
    verify(tmp_path / f"made{media_samples.SUFFIXES[format_name]}", format_name)
    assert decoded(new, format_name) == decoded(raw, format_name)
    assert 0 < len(new) - len(raw) < 1_200
    assert (done.mark.metadata, done.mark.source_type) == ("written", TRAINED)
    stated, words = layout_of(new, format_name)
    assert stated == TRAINED
    assert b"secret garden" not in new
    if format_name != "wav":  # holds the packet, without tags
        assert done.mark.id in words


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
def test_marking_a_render_twice_gives_the_same_bytes(tmp_path: Path, format_name: str) -> None:
    """Time and id are those of the render; a marked file is not marked again."""
    raw = media_samples.media(format_name)
    first, _ = marked(tmp_path, raw, format_name)
    second, _ = marked(tmp_path, raw, format_name)
    assert first == second
    again, done = marked(tmp_path, first, format_name, replace(MARK, key="another"))
    assert again == first
    assert (done.mark.id, done.mark.metadata) == ("", "present")


def test_files_of_a_render_have_different_ids(tmp_path: Path) -> None:
    """The id depends on the render and on the name of the file."""
    marker = Marker("Media Generator 1.0")
    ids = set()
    for key, name in (("1", "a.png"), ("1", "b.png"), ("2", "a.png")):
        source = tmp_path / ".copy"
        source.write_bytes(media_samples.png())
        target = tmp_path / f"{key}-{name}"
        target = target.with_name(name)
        target.unlink(missing_ok=True)
        ids.add(marker.mark(source, target, "png", replace(MARK, key=key)).mark.id)
    assert len(ids) == 3


def test_the_prompt_is_included_only_on_request(tmp_path: Path) -> None:
    """Characters that XML does not allow are left out."""
    marker = Marker("Media Generator 1.0", with_prompt=True)
    mark = replace(MARK, prompt='a "<fox>" & \x00\ud800 co')
    for format_name in ("png", "flac"):
        new, _ = marked(tmp_path, media_samples.media(format_name), format_name, mark, marker)
        assert "fox" in layout_of(new, format_name)[1]


def test_the_sketch_is_not_a_trained_model(tmp_path: Path) -> None:
    """Its pictures have another term of the same vocabulary."""
    new, _ = marked(tmp_path, media_samples.png(), "png", replace(MARK, source_type=ALGORITHMIC))
    assert layout_of(new, "png")[0] == "algorithmicMedia"


def test_comfyui_texts_stay(tmp_path: Path) -> None:
    """The graph that ComfyUI wrote into a PNG can still be read, and Pillow finds the mark."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", '{"6": {}}')
    texts.add_text("workflow", '{"nodes": []}', zip=True)
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "PNG", pnginfo=texts)
    new, _ = marked(tmp_path, file.getvalue(), "png")
    with Image.open(io.BytesIO(new)) as picture:
        assert isinstance(picture, PngImagePlugin.PngImageFile)
        assert picture.text["prompt"] == '{"6": {}}'
        assert picture.text["workflow"] == '{"nodes": []}'
        assert ADDRESS in str(picture.info["xmp"])
    verify(tmp_path / "made.png", "png")


@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp"])
def test_xmp_of_other_programs_stays(tmp_path: Path, format_name: str) -> None:
    """It is still there, in one packet that XML readers accept."""
    theirs = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf'
        b'-syntax-ns#"><r:Description r:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        b' dc:format="image/x-own"/></r:RDF></x:xmpmeta>'
    )
    file = io.BytesIO()
    image = Image.linear_gradient("L").convert("RGB")
    if format_name == "png":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", theirs.decode(), zip=True)
        image.save(file, "PNG", pnginfo=texts)
    else:
        image.save(file, format_name.upper(), xmp=theirs, exif=b"Exif\0\0" + bytes(8))
    raw = file.getvalue()
    new, done = marked(tmp_path, raw, format_name)
    assert done.mark.metadata == "written"
    assert decoded(new, format_name) == decoded(raw, format_name)
    stated, words = layout_of(new, format_name)
    assert stated == TRAINED
    assert "image/x-own" in words
    packet = scan_file(io.BytesIO(new), format_name).xmp or b""
    assert len(list(ET.fromstring(packet)[0])) == 2  # noqa: S314 - written above


def test_a_wrong_source_type_is_replaced(tmp_path: Path) -> None:
    """A generated picture does not stay a photograph."""
    photograph = replace(MARK, source_type="digitalCapture")
    raw, _ = marked(tmp_path, media_samples.png(), "png", photograph)
    new, done = marked(tmp_path, raw, "png")
    assert layout_of(new, "png")[0] == TRAINED
    assert done.mark.metadata == "written"
    assert b"digitalCapture" not in new


_THEIRS = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmp:CreatorTool="Studio">'
    "<dc:format>image/x-own</dc:format>"
    "<Iptc4xmpExt:DigitalSourceType>{stated}</Iptc4xmpExt:DigitalSourceType>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize("term", ["digitalCapture", "digitalArt"])
def test_the_rest_of_a_packet_with_a_wrong_source_type_stays(tmp_path: Path, term: str) -> None:
    """And no property is there twice, which strict readers refuse."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", _THEIRS.format(stated=SOURCE_TYPES + term))
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "PNG", pnginfo=texts)
    new, done = marked(tmp_path, file.getvalue(), "png")
    assert (done.mark.metadata, layout_of(new, "png")[0]) == ("written", TRAINED)
    packet = scan_file(io.BytesIO(new), "png").xmp or b""
    root = ET.fromstring(packet)  # noqa: S314 - written above
    stated = [
        name
        for one in root[0]
        for name in (*one.attrib, *(child.tag for child in one))
        if not name.endswith("about")
    ]
    assert len(stated) == len(set(stated)) == 7
    assert b"image/x-own" in packet
    assert b"Studio" in packet
    assert term.encode() not in packet
    assert b"flux1-dev.safetensors" in packet


def test_a_source_type_of_another_vocabulary_is_replaced_with_its_packet(tmp_path: Path) -> None:
    """Its statements cannot be separated from that of the property."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", _THEIRS.format(stated="a photograph"))
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "PNG", pnginfo=texts)
    new, done = marked(tmp_path, file.getvalue(), "png")
    assert (done.mark.metadata, layout_of(new, "png")[0]) == ("written", TRAINED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\0\0\0\0" + b"a" * 4_200_000, "has metadata of 4,200,022 bytes"),
        (b"\1\0\0\0" + zlib.compress(bytes(5_000_000)), "has metadata of more than"),
        (b"\1\0\0\0nonsense", "has metadata that cannot be unpacked"),
    ],
)
def test_metadata_that_cannot_be_read_are_no_damage(
    tmp_path: Path, text: bytes, reason: str
) -> None:
    """The picture is published as it is, and `verify` says why it has no mark."""
    raw = media_samples.png()
    chunk = media_samples.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + text)
    new, done = marked(tmp_path, raw[:33] + chunk + raw[33:], "png")
    assert (len(new) - len(raw) - len(chunk), reason in done.mark.problem) == (0, True)
    report = judge(FileInspector(StoreLimits()).inspect(tmp_path / "made.png"))
    assert report.verdict is Verdict.UNMARKED
    assert f"Its metadata cannot be read: it {reason}" in report.reason


def test_boxes_of_others_in_a_jpeg_are_no_signature(tmp_path: Path) -> None:
    """Segments that may hold a manifest are used for other things too; such files are marked."""
    raw = media_samples.picture("jpeg", (40, 30))
    box = b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdother" + bytes(11)
    segment = b"\xff\xeb" + (len(box) + 2).to_bytes(2, "big") + box
    new, done = marked(tmp_path, raw[:2] + segment + raw[2:], "jpeg")
    assert (done.mark.metadata, done.mark.signature) == ("written", "")
    assert segment in new


def test_a_footer_of_an_id3_tag_goes_and_its_frames_stay(tmp_path: Path) -> None:
    """Readers overlook a second tag, so the mark is written into the one that is there."""
    frames = b"TIT2" + bytes([0, 0, 0, 5, 0, 0]) + b"\3Rain"
    head = _tag(4, 0x10, frames)
    raw = head + b"3DI" + head[3:10] + media_samples.song("mp3")
    new, done = marked(tmp_path, raw, "mp3")
    verify(tmp_path / "made.mp3", "mp3")
    assert done.mark.metadata == "written"
    assert (new.count(b"ID3\4"), new.count(b"3DI\4")) == (raw.count(b"ID3\4"), 0)
    assert new.count(frames) == 1
    assert decoded(new, "mp3") == decoded(raw, "mp3")


def test_a_signed_file_is_left_as_it_is(tmp_path: Path) -> None:
    """A new byte in it would break its signature."""
    raw = media_samples.png()
    manifest = media_samples.png_chunk(b"caBX", b"any manifest")
    signed = raw[:33] + manifest + raw[33:]
    new, done = marked(tmp_path, signed, "png")
    assert new == signed
    assert (done.mark.signature, done.mark.metadata) == ("present", "")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("lossless", [True, False])
def test_a_simple_webp_becomes_an_extended_one(
    tmp_path: Path, mode: str, *, lossless: bool
) -> None:
    """With the same canvas and the same transparency."""
    file = io.BytesIO()
    image = Image.linear_gradient("L").resize((33, 21)).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize((33, 21)))
    image.save(file, "WEBP", lossless=lossless)
    new, _ = marked(tmp_path, file.getvalue(), "webp")
    verify(tmp_path / "made.webp", "webp")
    assert decoded(new, "webp") == decoded(file.getvalue(), "webp")
    with Image.open(io.BytesIO(new)) as picture:
        assert (picture.size, picture.mode) == ((33, 21), "RGBA" if mode == "RGBA" else "RGB")


def test_an_animation_keeps_its_frames(tmp_path: Path) -> None:
    """Animated PNG and WebP files are marked too."""
    for format_name in ("png", "webp"):
        raw = media_samples.animation(format_name)
        new, _ = marked(tmp_path, raw, format_name)
        verify(tmp_path / f"made{media_samples.SUFFIXES[format_name]}", format_name)
        assert decoded(new, format_name) == decoded(raw, format_name)


@pytest.mark.parametrize("format_name", media_samples.PICTURE_FORMATS)
def test_a_thumbnail_carries_the_mark(tmp_path: Path, format_name: str) -> None:
    """Only the source type; a file without a mark gives a thumbnail without one."""
    raw = media_samples.picture(format_name, (400, 200))
    new, _ = marked(tmp_path, raw, format_name)
    small = draw_thumbnail(io.BytesIO(new), format_name, 64)
    assert layout_of(small, "webp")[0] == TRAINED
    plain = draw_thumbnail(io.BytesIO(raw), format_name, 64)
    assert layout_of(plain, "webp")[0] == ""
    assert len(small) - len(plain) < 450
    assert decoded(small, "webp") == decoded(plain, "webp")


def test_a_thumbnail_is_marked_even_if_texts_are_too_large_for_pillow(tmp_path: Path) -> None:
    """A large graph of ComfyUI precedes the mark."""
    raw = media_samples.picture("png", (400, 200))
    graph = media_samples.png_chunk(b"tEXt", b"workflow\0" + b"x" * 2_000_000)
    new, _ = marked(tmp_path, raw[:33] + graph + raw[33:], "png")
    assert layout_of(draw_thumbnail(io.BytesIO(new), "png", 64), "webp")[0] == TRAINED


def _tag(version: int, flags: int, frames: bytes) -> bytes:
    size = len(frames)
    digits = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, flags]) + digits + frames


@pytest.mark.parametrize(
    "tag",
    [
        _tag(3, 0, b"TIT2" + bytes([0, 0, 0, 5, 0, 0]) + b"\0Rain" + bytes(20)),
        _tag(4, 0, b"TIT2" + bytes([0, 0, 0, 5, 0, 0]) + b"\3Rain"),
        _tag(2, 0, b"TT2" + bytes([0, 0, 5]) + b"\0Rain"),
        _tag(3, 0x80, b"TIT2" + bytes([0, 0, 0, 5, 0, 0]) + b"\0Rain"),
        _tag(
            3, 0x40, bytes([0, 0, 0, 6]) + bytes(6) + b"TIT2" + bytes([0, 0, 0, 5]) + b"\0\0\0Rain"
        ),
        media_samples.id3v2_tag(footer=True),
    ],
    ids=["2.3", "2.4", "2.2", "unsynchronised", "extended", "footer"],
)
def test_tags_of_an_mp3_stay(tmp_path: Path, tag: bytes) -> None:
    """Title and mark are both there, whatever version the tag has."""
    sound = media_samples.mp3()
    sound = sound[sound.index(b"\xff\xfb") :]
    raw = tag + sound + media_samples.id3v1_tag()
    new, _ = marked(tmp_path, raw, "mp3")
    verify(tmp_path / "made.mp3", "mp3")
    assert new.endswith(sound + media_samples.id3v1_tag())
    assert ADDRESS.encode() in new
    with av.open(io.BytesIO(new)) as container:
        assert container.metadata["title"] == "Rain"


@pytest.mark.parametrize(
    ("encoding", "codec", "mark"),
    [
        pytest.param(1, "utf-16-le", b"\xff\xfe", id="UTF-16, little end first"),
        pytest.param(1, "utf-16-be", b"\xfe\xff", id="UTF-16, big end first"),
        pytest.param(2, "utf-16-be", b"", id="UTF-16 without a byte order mark"),
        pytest.param(3, "utf-8", b"", id="UTF-8"),
    ],
)
def test_a_mark_in_any_encoding_of_id3_is_read(
    tmp_path: Path, encoding: int, codec: str, mark: bytes
) -> None:
    """As taggers write it; such a song is not marked again."""
    end = bytes(2) if encoding in {1, 2} else bytes(1)
    title, value = ("DigitalSourceType".encode(codec), ADDRESS.encode(codec))
    text = bytes([encoding]) + mark + title + end + mark + value + end
    frame = b"TXXX" + len(text).to_bytes(4, "big") + bytes(2) + text
    raw = _tag(3, 0, frame) + media_samples.song("mp3")
    layout = scan_file(io.BytesIO(raw), "mp3")
    assert layout.tags["DIGITALSOURCETYPE"] == ADDRESS
    new, done = marked(tmp_path, raw, "mp3")
    assert (new, done.mark.metadata, done.mark.source_type) == (raw, "present", TRAINED)


def test_a_flac_file_without_comments_gets_a_comment_block(tmp_path: Path) -> None:
    """Also after an ID3v2 tag, and if the stream information is the last block."""
    raw = media_samples.song("flac")
    position, blocks = 4, []
    last = 0
    while not last:
        last, length = raw[position] & 0x80, int.from_bytes(raw[position + 1 : position + 4], "big")
        blocks.append(raw[position : position + 4 + length])
        position += 4 + length
    information = bytes([0x80]) + blocks[0][1:]
    bare = media_samples.id3v2_tag() + b"fLaC" + information + raw[position:]
    new, _ = marked(tmp_path, bare, "flac")
    verify(tmp_path / "made.flac", "flac")
    assert layout_of(new, "flac")[0] == TRAINED
    assert new.endswith(raw[position:])


@pytest.mark.parametrize("format_name", ["ogg", "opus"])
def test_long_comments_of_an_ogg_file_take_more_pages(tmp_path: Path, format_name: str) -> None:
    """The pages after them get new numbers and checksums."""
    raw = media_samples.song(format_name)
    mark = replace(MARK, system="model " * 20_000)
    new, done = marked(tmp_path, raw, format_name, mark)
    assert done.mark.problem == ""
    assert new.count(b"OggS") > raw.count(b"OggS")
    verify(tmp_path / f"made{media_samples.SUFFIXES[format_name]}", format_name)
    assert decoded(new, format_name) == decoded(raw, format_name)
    assert layout_of(new, format_name)[0] == TRAINED


def test_flac_in_ogg_is_marked(tmp_path: Path) -> None:
    """Its comments are a block of FLAC in a packet."""
    path = tmp_path / "in.ogg"
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("flac", rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout, stream.format = "mono", "s16"
        frame = av.AudioFrame("s16", "mono", 4_608)
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    raw = path.read_bytes()
    new, done = marked(tmp_path, raw, "ogg")
    assert done.mark.metadata == "written", done
    verify(tmp_path / "made.ogg", "ogg")
    assert decoded(new, "ogg") == decoded(raw, "ogg")


def test_a_wav_file_of_unknown_length_is_marked(tmp_path: Path) -> None:
    """The new chunks precede the sound, which only ends with the file."""
    raw = media_samples.song("wav")
    place = raw.index(b"data")
    unknown = b"\xff\xff\xff\xff"
    piped = raw[:4] + unknown + raw[8 : place + 4] + unknown + raw[place + 8 :]
    new, _ = marked(tmp_path, piped, "wav")
    verify(tmp_path / "made.wav", "wav")
    assert decoded(new, "wav") == decoded(piped, "wav")
    assert layout_of(new, "wav")[0] == TRAINED


def test_a_file_without_space_for_a_mark_is_not_changed(tmp_path: Path) -> None:
    """The reason is recorded."""
    file = io.BytesIO()
    theirs = b"<a><r:RDF>" + b" " * 65_300 + b"</r:RDF></a>"
    Image.linear_gradient("L").save(file, "JPEG", xmp=theirs)
    new, done = marked(tmp_path, file.getvalue(), "jpeg")
    assert new == file.getvalue()
    assert "no room" in done.mark.problem


_EDITS = st.lists(
    st.tuples(st.floats(0, 0.999), st.binary(min_size=0, max_size=6), st.integers(0, 9)), max_size=4
)


@settings(max_examples=60)
@given(format_name=st.sampled_from(media_samples.FORMATS), edits=_EDITS, is_front=st.booleans())
def test_any_bytes_are_marked_or_left_alone(
    tmp_path_factory: pytest.TempPathFactory,
    format_name: str,
    edits: list[tuple[float, bytes, int]],
    *,
    is_front: bool,
) -> None:
    """Whatever was changed in a file: no data are lost, and no other exception is raised."""
    content = media_samples.media(format_name)
    for where, new, removed in edits:
        place = int(where * (200 if is_front else len(content)))
        content = content[:place] + new + content[place + removed :]
    after, done = marked(tmp_path_factory.mktemp("any"), content, format_name)
    assert (after == content) == (done.mark.metadata != "written")


def _outputs(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


@pytest.mark.parametrize("format_name", media_samples.FORMATS)
def test_exiftool_finds_the_mark(tmp_path: Path, format_name: str) -> None:
    """Under the standard name, and reports no errors in the file."""
    marked(tmp_path, media_samples.media(format_name), format_name)
    path = str(tmp_path / f"made{media_samples.SUFFIXES[format_name]}")
    assert ADDRESS in _outputs("exiftool", "-s", "-DigitalSourceType", path)
    assert "OK" in _outputs("exiftool", "-validate", path)


@pytest.mark.parametrize("format_name", media_samples.SONG_FORMATS)
def test_ffprobe_finds_the_mark_of_a_song(tmp_path: Path, format_name: str) -> None:
    """In the tags; in M4A as XMP."""
    marked(tmp_path, media_samples.media(format_name), format_name)
    path = str(tmp_path / f"made{media_samples.SUFFIXES[format_name]}")
    entries = ("-show_entries", "format_tags:stream_tags")
    options = ("-export_xmp", "1") if format_name == "m4a" else ()
    assert ADDRESS in _outputs("ffprobe", "-v", "error", *options, *entries, path)


def test_the_checksum_of_a_page_is_that_of_ogg() -> None:
    """Rewritten pages equal those of an encoder."""
    raw = media_samples.song("ogg")
    scan, embed = SONGS["ogg"]
    file = io.BytesIO(raw)
    pieces = embed(file, scan(file), b"", {})
    written = b"".join(
        piece if isinstance(piece, bytes) else raw[slice(*piece)] for piece in pieces
    )
    assert zlib.crc32(written) == zlib.crc32(raw)
