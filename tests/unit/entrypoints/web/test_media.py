"""Published files over HTTP: whole, in part, as thumbnails, and no other files."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import psutil
import pytest
from PIL import Image

from adapters.media_files.thumbnails import Thumbnails
from adapters.media_files.waveforms import Waveforms
from application.ports.media_files import BusyError
from tests.media_samples import media, mp3, picture, png, png_of_size
from tests.unit.entrypoints.web.site import BASE, GUARDED, TOKEN, Site

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.test import TestResponse

FOREVER = "private, max-age=31536000, immutable"


def _put(site: Site, name: str, content: bytes, kind: str = "image", **said: object) -> str:
    """Publish a file with its digest in its row; returns its address."""
    known = {"sha256": hashlib.sha256(content).hexdigest(), "file_size": len(content)}
    path = site.published(7, name, known | said, kind)
    (site.root / path).write_bytes(content)
    return f"/api/media/{path}"


def _get(site: Site, address: str, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.get(address, headers=named)


def _wrong(answer: TestResponse) -> tuple[int, str]:
    assert answer.json
    return answer.status_code, answer.json["error"]["code"]


def test_a_file_is_sent(site: Site) -> None:
    """With its type by content, its size, a name, and permission to cache it for ever."""
    content = media("jpeg")
    answer = _get(site, _put(site, "a.png", content))
    assert answer.data == content
    assert answer.status_code == 200
    said = answer.headers
    assert said["Content-Type"] == "image/jpeg"
    assert said["Content-Length"] == str(len(content))
    assert said["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert said["Cache-Control"] == FOREVER
    assert said["Accept-Ranges"] == "bytes"
    assert said["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in said["Content-Security-Policy"]
    assert said["Content-Disposition"] == 'inline; filename="7_a.png"'
    assert answer.last_modified is not None


def test_head_has_the_same_headers_without_the_bytes(site: Site) -> None:
    """A range is ignored."""
    address = _put(site, "a.png", png())
    whole = _get(site, address).headers
    for headers in ({}, {"Range": "bytes=0-3"}):
        answer = site.client.head(address, base_url=BASE, headers=headers)
        assert (answer.status_code, answer.data) == (200, b"")
        assert dict(answer.headers) == dict(whole)


@pytest.mark.parametrize(
    "content",
    [b"<!doctype html><script>alert(1)</script>", b"<svg onload='alert(1)'/>", b"", b"%PDF-1.7"],
)
def test_other_files_are_downloaded_and_never_shown(site: Site, content: bytes) -> None:
    """Whatever their names say (fault 38)."""
    answer = _get(site, _put(site, "page.png", content))
    assert answer.data == content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "image/..%2f..%2fsecret.txt",
        "image/%2e%2e/%2e%2e/secret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "a%00.png",
        "%00",
        "%ff%fe",
        "a%0d%0aX-Evil:%20yes",
        "a" * 3000,
        "a/" * 600 + "b",
        "..%5c..%5csecret.txt",
        "%252e%252e/secret.txt",
    ],
)
def test_no_address_leads_outside(site: Site, path: str) -> None:
    """404, even if a row names every one of these paths (fault 37)."""
    (site.root.parent / "secret.txt").write_bytes(b"secret")
    text = unquote_to_bytes(path).decode("utf-8", "replace")
    for each in (text, unquote_to_bytes(text).decode("utf-8", "replace")):
        site.row(7, each)
    answer = site.get(f"/api/media/{path}")
    assert answer.status_code == 404
    assert "X-Evil" not in answer.headers
    assert site.get(f"/api/media/{path}?w=320").status_code == 404


def test_a_file_without_a_row_is_not_served(site: Site) -> None:
    """It may belong to another program (fault 37)."""
    address = _put(site, "a.png", png())
    (site.root / "image/7_20260106T213045/b.png").write_bytes(png())
    assert _get(site, address).status_code == 200
    assert _wrong(_get(site, address.replace("a.png", "b.png"))) == (404, "no_such_file")
    assert _get(site, "/api/media/image").status_code == 404


def test_a_link_is_not_served_though_a_row_names_it(site: Site) -> None:
    """Neither as the file nor as a folder above it (fault 37)."""
    (site.root.parent / "secret.txt").write_bytes(b"secret")
    (site.root / "link.png").symlink_to(site.root.parent / "secret.txt")
    (site.root / "up").symlink_to(site.root.parent)
    site.row(7, "link.png")
    site.row(7, "up/secret.txt")
    assert _wrong(_get(site, "/api/media/link.png")) == (404, "file_missing")
    assert _wrong(_get(site, "/api/media/up/secret.txt")) == (404, "file_missing")
    assert _wrong(_get(site, "/api/v1/peaks/1")) == (404, "file_missing")


def test_a_row_without_its_file_says_so(site: Site) -> None:
    """The row is right, but the file was removed: the message excludes an internal error."""
    site.row(7, "image/gone.png")
    assert _wrong(_get(site, "/api/media/image/gone.png")) == (404, "file_missing")


def test_a_preview_of_its_own_is_served(site: Site) -> None:
    """The row's facts about the file do not apply to its preview."""
    address = _put(site, "song.mp3", mp3(), "audio")
    cover = png().ljust(len(mp3()), b"\0")
    (site.root / "cover.png").write_bytes(cover)
    site.poet.execute("UPDATE prompt_artifacts SET preview_path = 'cover.png'")
    answer = _get(site, "/api/media/cover.png")
    assert answer.data == cover
    assert answer.headers["ETag"].startswith("W/")
    assert _get(site, address).headers["ETag"].startswith('"')


def test_files_of_other_programs_are_revalidated(site: Site) -> None:
    """Without a digest in the row, the path may be reused for another file."""
    path = site.published(7, metadata={})
    answer = _get(site, f"/api/media/{path}")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["ETag"].startswith("W/")
    assert _get(site, f"/api/media/{path}", If_None_Match=answer.headers["ETag"]).status_code == 304
    (site.root / path).write_bytes(media("jpeg"))
    assert _get(site, f"/api/media/{path}", If_None_Match=answer.headers["ETag"]).status_code == 200


def test_a_download_has_a_readable_name(site: Site) -> None:
    """A song is saved under its title, whatever characters it contains."""
    title = 'Löwen/../"Steam" \r\nX: y\u2028' + "x" * 300
    answer = _get(site, _put(site, "song.mp3", mp3(), "audio", title=title) + "?download=1")
    said = answer.headers["Content-Disposition"]
    assert said.startswith('attachment; filename="L_wen .. Steam X y xxx')
    assert said.isascii()
    assert "filename*=UTF-8''L%C3%B6wen%20..%20Steam%20X%20y%20xxx" in said
    assert said.endswith(".mp3")
    assert len(said) < 1000
    assert answer.data == mp3()


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-0", 0, 0), ("0-", 0, -1), ("10-19", 10, 19), ("-5", -5, -1), ("20-99999999", 20, -1),
     ("-99999999", 0, -1), ("0-1,1-5", 0, 5), ("99999999-,3-4", 3, 4)],
)  # fmt: skip
def test_one_range_is_sent_as_the_body(site: Site, asked: str, first: int, last: int) -> None:
    """Seeking in a song only costs the part that is heard (fault 39)."""
    content = mp3()
    answer = _get(site, _put(site, "a.mp3", content, "audio"), Range=f"bytes={asked}")
    start, stop = first % len(content), last % len(content)
    assert answer.status_code == 206
    assert answer.data == content[start : stop + 1]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop}/{len(content)}"
    assert answer.headers["Content-Length"] == str(stop + 1 - start)
    assert answer.headers["Content-Type"] == "audio/mpeg"


def test_several_ranges_come_in_parts(site: Site) -> None:
    """Each with its type and its range, in the requested order."""
    content = mp3()
    assert len(content) > 2000
    answer = _get(site, _put(site, "a.mp3", content, "audio"), Range="bytes=1500-1599,0-9,-1")
    assert answer.status_code == 206
    assert answer.headers["Content-Length"] == str(len(answer.data))
    kind = answer.headers["Content-Type"]
    found = re.fullmatch(r"multipart/byteranges; boundary=([0-9a-f]+)", kind)
    assert found
    before, *parts, after = answer.data.split(f"--{found[1]}".encode())
    assert (before, after) == (b"\r\n", b"--\r\n")
    size = len(content)
    for part, (first, last) in zip(
        parts, [(1500, 1599), (0, 9), (size - 1, size - 1)], strict=True
    ):
        head = f"\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
        assert part == head.encode() + content[first : last + 1] + b"\r\n"


@pytest.mark.parametrize("asked", ["5-2", "99999999-", "-0", ",".join(["0-0"] * 100)])
def test_an_unsatisfiable_range_is_refused(site: Site, asked: str) -> None:
    """With the true size, so that a player can ask correctly (fault 39)."""
    answer = _get(site, _put(site, "a.png", png()), Range=f"bytes={asked}")
    assert _wrong(answer) == (416, "no_such_range")
    assert answer.headers["Content-Range"] == f"bytes */{len(png())}"
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_empty_file_has_no_ranges(site: Site) -> None:
    """Every range is beyond its end."""
    address = _put(site, "a.png", b"")
    assert _get(site, address, Range="bytes=0-").status_code == 416
    assert _get(site, address).status_code == 200


@pytest.mark.parametrize("asked", ["items=0-1", "bytes=a-b", "bytes", ""])
def test_another_sort_of_range_gives_the_whole(site: Site, asked: str) -> None:
    """As if the header were missing."""
    answer = _get(site, _put(site, "a.png", png()), Range=asked)
    assert (answer.status_code, answer.data) == (200, png())


def test_a_part_is_given_only_of_the_file_that_is_meant(site: Site) -> None:
    """If-Range: a matching tag or date gives the part, everything else the whole file."""
    address = _put(site, "a.png", png())
    said = _get(site, address).headers
    tag, modified = said["ETag"], said["Last-Modified"]
    other = "Thu, 01 Jan 1970 00:00:00 GMT"
    fitting = {tag: 206, modified: 206, f"W/{tag}": 200, '"x"': 200, other: 200, "?": 200}
    for condition, status in fitting.items():
        answer = _get(site, address, Range="bytes=0-3", If_Range=condition)
        assert answer.status_code == status, condition
        assert answer.data == (png()[:4] if status == 206 else png())


def test_a_part_of_an_uncertain_file_is_given_unconditionally_only(site: Site) -> None:
    """Modification time and inode are not enough to combine parts safely."""
    address = f"/api/media/{site.published(7, metadata={})}"
    said = _get(site, address).headers
    for condition in (said["ETag"], said["Last-Modified"], said["ETag"].removeprefix("W/")):
        assert _get(site, address, Range="bytes=0-3", If_Range=condition).status_code == 200
    assert _get(site, address, Range="bytes=0-3").status_code == 206
    for condition in (said["ETag"], said["ETag"].removeprefix("W/")):
        assert _get(site, address, If_Match=condition).status_code == 412


def test_a_cached_file_is_not_sent_again(site: Site) -> None:
    """304 with the same validators; a range does not matter then."""
    address = _put(site, "a.png", png())
    said = _get(site, address).headers
    tag, modified = said["ETag"], said["Last-Modified"]
    wanted: list[tuple[int, dict[str, str]]] = [
        (304, {"If_None_Match": tag}),
        (304, {"If_None_Match": f'"x", W/{tag}'}),
        (304, {"If_None_Match": "*"}),
        (304, {"If_None_Match": tag, "Range": "bytes=0-3"}),
        (304, {"If_Modified_Since": modified}),
        (200, {"If_None_Match": '"x"'}),
        (200, {"If_None_Match": '"x"', "If_Modified_Since": modified}),
        (200, {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"}),
        (200, {"If_Modified_Since": "yesterday"}),
        (200, {"If_Match": tag}),
        (200, {"If_Match": "*"}),
        (412, {"If_Match": '"x"'}),
        (412, {"If_Match": f"W/{tag}"}),
        (412, {"If_Unmodified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"}),
        (200, {"If_Unmodified_Since": modified}),
        (304, {"If_Match": "*", "If_None_Match": tag}),
    ]
    for status, headers in wanted:
        answer = _get(site, address, **headers)
        assert answer.status_code == status, headers
        if status == 304:
            assert answer.data == b""
            assert answer.headers["ETag"] == tag
            assert answer.headers["Cache-Control"] == FOREVER


def test_strange_times_of_a_file_do_no_harm(site: Site) -> None:
    """Before 1970, and far in the future."""
    address = f"/api/media/{site.published(7, metadata={})}"
    file = site.root / address.removeprefix("/api/media/")
    for moment in (-10_000, 10**11):
        os.utime(file, (moment, moment))
        assert _get(site, address).status_code == 200


def test_a_thumbnail_is_a_webp_picture(site: Site) -> None:
    """With the requested width; the next time it is cached, or not even sent."""
    address = _put(site, "a.png", picture("png", (800, 600)))
    answer = _get(site, f"{address}?w=320")
    with Image.open(io.BytesIO(answer.data)) as small:
        assert (small.format, small.size) == ("WEBP", (320, 240))
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == FOREVER
    tags = {_get(site, f"{address}{w}").headers["ETag"] for w in ("", "?w=320", "?w=160")}
    assert len(tags) == 3
    again = _get(site, f"{address}?w=320", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    assert not list(site.root.rglob("*.webp")), "no thumbnail in the published tree"
    assert list((site.root.parent / "state").rglob("*.webp"))


@pytest.mark.parametrize("width", ["0", "-1", "321", "320.0", "x", "", "٣٢٠", "9" * 5000])
def test_other_widths_are_refused(site: Site, width: str) -> None:
    """All possible widths would fill the disk."""
    address = _put(site, "a.png", png())
    assert _wrong(_get(site, f"{address}?w={width}")) == (422, "bad_query")


@pytest.mark.parametrize("content", [png_of_size(60_000, 60_000), png()[:-40], mp3(), b"text"])
def test_a_bad_picture_has_no_thumbnail(site: Site, content: bytes) -> None:
    """A bomb, a broken file, a song: refused at once, and remembered (fault 22)."""
    address = _put(site, "a.png", content)
    for _ in range(2):
        assert _wrong(_get(site, f"{address}?w=320")) == (422, "no_thumbnail")


def _crowded(*_: Any) -> None:  # noqa: ANN401
    raise BusyError


def test_the_original_is_shown_when_too_many_thumbnails_are_requested(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large picture is better than none; it is not cached under the thumbnail's address."""
    address = _put(site, "a.png", png())
    monkeypatch.setattr(Thumbnails, "webp", _crowded)
    answer = _get(site, f"{address}?w=320")
    assert (answer.status_code, answer.data) == (200, png())
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_a_song_has_a_waveform(site: Site) -> None:
    """Numbers from 0 to 1, as many as requested, and the duration."""
    _put(site, "a.mp3", mp3(), "audio")
    answer = _get(site, "/api/v1/peaks/1")
    assert answer.json
    assert len(answer.json["peaks"]) == 400
    assert answer.json["duration_seconds"] == pytest.approx(0.5, abs=0.1)
    assert answer.headers["Cache-Control"] == FOREVER
    few = _get(site, "/api/v1/peaks/1?n=50")
    assert few.json
    assert len(few.json["peaks"]) == 50
    assert max(few.json["peaks"]) == max(answer.json["peaks"])
    tag = answer.headers["ETag"]
    assert few.headers["ETag"] != tag
    assert _get(site, "/api/v1/peaks/1", If_None_Match=tag).status_code == 304


def test_a_missing_waveform_is_explained(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No artifact, no song, an invalid number, or too many requests."""
    _put(site, "a.png", png())
    _put(site, "a.mp3", mp3(), "audio")
    assert _wrong(_get(site, "/api/v1/peaks/99")) == (404, "no_such_artifact")
    assert _wrong(_get(site, "/api/v1/peaks/1")) == (422, "no_peaks")
    for number in ("0", "2001", "x", "-1"):
        assert _wrong(_get(site, f"/api/v1/peaks/2?n={number}")) == (422, "bad_query")
    monkeypatch.setattr(Waveforms, "levels", _crowded)
    answer = _get(site, "/api/v1/peaks/2")
    assert (answer.status_code, answer.json) == (202, {"retry_after": 1})
    assert answer.headers["Retry-After"] == "1"


def test_a_locked_database_is_reported(site: Site) -> None:
    """The client should try again in a second (fault 42)."""
    address = _put(site, "a.png", png())
    with closing(sqlite3.connect(site.database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for asked in (address, f"{address}?w=320", "/api/v1/peaks/1"):
            answer = _get(site, asked)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"


def test_a_hanging_disk_is_reported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for a missing file; nor is half of a small file sent."""
    address = _put(site, "a.png", png())

    def fail(*_: object) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("entrypoints.web.file_responses.FileBody.read", fail)
        assert _wrong(_get(site, address)) == (503, "file_unreadable")
    monkeypatch.setattr("adapters.media_files.media_file.MediaFolder.open", fail)
    assert _wrong(_get(site, address)) == (503, "file_unreadable")


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Host": "evil.example"}},
        {"headers": {"Origin": "http://evil.example"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}},
    ],
)
def test_foreign_hosts_and_sites_get_no_file(site: Site, options: dict[str, Any]) -> None:
    """Neither another host nor a page of another site (fault 41)."""
    assert site.get(_put(site, "a.png", png()), **options).status_code == 403


def test_files_need_the_token_too(tmp_path: Path) -> None:
    """Without the token no file is served, with it every file."""
    guarded = Site(tmp_path, **GUARDED)
    try:
        address = _put(guarded, "a.png", png())
        assert guarded.get(address).status_code == 401
        known = {"Authorization": f"Bearer {TOKEN}"}
        assert guarded.get(address, headers=known).data == png()
    finally:
        guarded.close()


@pytest.mark.filterwarnings("error::ResourceWarning")
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("", {"Range": "bytes=0-1"}),
        ("", {"Range": "bytes=9-1"}),
        ("", {"If-None-Match": "*"}),
        ("", {"If-Match": '"x"'}),
        ("?w=320", {}),
        ("?w=320", {"If-None-Match": "*"}),
        ("?w=320", {"If-Match": '"x"'}),
        ("?w=1", {}),
    ],
)
def test_no_file_stays_open(site: Site, query: str, headers: dict[str, str]) -> None:
    """However the response ends."""
    address = _put(site, "a.png", png())
    asked = [("GET", address), ("HEAD", address), ("GET", "/api/v1/peaks/1")]
    for method, path in asked:
        site.client.open(path + query, method=method, base_url=BASE, headers=headers).close()
    before = _open_files(site)
    for method, path in asked:
        site.client.open(path + query, method=method, base_url=BASE, headers=headers).close()
    assert _open_files(site) == before


def _open_files(site: Site) -> int:
    return sum(str(site.root) in each.path for each in psutil.Process().open_files())
