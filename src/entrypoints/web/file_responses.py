"""A published file as a response: whole, in part, or without a body because the client has it.

Conditions and ranges are those of RFC 9110, sections 13 and 14. Werkzeug's ``send_file`` is not
used; docs/decisions/0008-web-server.md lists what it lacks and what was measured.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import secrets
import time
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flask import Response
from werkzeug.http import http_date, quote_etag
from werkzeug.wsgi import ClosingIterator, wrap_file

from adapters.media_formats import CONTENT_TYPES
from entrypoints.web.errors import ApiError

if TYPE_CHECKING:
    import io
    from collections.abc import Sequence

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug import Request
    from werkzeug.datastructures import Headers

    from application.ports.media_files import MediaFile

# Whatever a file holds, a browser shows it as a picture or a song and never runs it.
SANDBOX: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
)
MAX_RANGES: Final = 32
# Of one read. waitress reads as much as its socket may take, and again what the client did not
# take. So a picture is read at once; the rest of a song is not, as its client is rarely that fast.
MAX_READ_BYTES: Final = 4 * 1024 * 1024
LATER_READ_BYTES: Final = 512 * 1024
# A body up to this size is read by the thread that answers, and sent along with the headers.
MAX_BYTES_AT_ONCE: Final = 32 * 1024
CACHE_FOREVER: Final = "private, max-age=31536000, immutable"  # for paths that are never used twice
# Of a redirect to a link: used again for a third of the link's time, so that the browser finds what
# it has from there, by a client that would be redirected.
_LINK_HEADERS: Final = {
    "Cache-Control": "private, max-age=300",
    "Vary": "Origin, Range, Sec-Fetch-Mode",
    "Referrer-Policy": "no-referrer",
}
_REVALIDATE: Final = "private, no-cache"  # other programs may use a path again
_CONDITIONS: Final = frozenset(
    {
        "HTTP_IF_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_NONE_MATCH",
        "HTTP_IF_UNMODIFIED_SINCE",
    }
)
_MAX_RANGE_HEADER: Final = 2_000  # characters: enough for MAX_RANGES of a file of any size
_MAX_GAP: Final = 128  # bytes; the head of another part of the response costs about as much
_RANGE_HEADER: Final = re.compile(r"bytes=([\d\-, \t]*)", re.ASCII | re.IGNORECASE)
_RANGE: Final = re.compile(r"(\d*)-(\d*)", re.ASCII)
_MAX_NAME: Final = 120  # characters
_NOT_IN_NAMES: Final = re.compile(r'["\\/:*?<>|]+')  # not allowed in file names on some system

_http_date = lru_cache(1_000)(http_date)  # a gallery asks for the same files again and again


class _FileResponse(Response):
    """A response whose headers are complete: Werkzeug need not copy and examine them again."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:  # noqa: ARG002
        """The headers as they are."""
        return self.headers


class Validators:
    """The ETag and the date by which a client knows a content again.

    Args:
        identity: differs whenever the content does.
        modified: when the content last changed, seconds since 1970.
        is_strong: whether the identity stands for every byte.
    """

    def __init__(self, identity: str, modified: float, *, is_strong: bool) -> None:
        self._identity = identity
        self._is_strong = is_strong
        # Never in the future (section 8.8.2.1), and never before the first date.
        seconds = int(min(max(modified, 0.0), time.time()))
        self._modified = datetime.fromtimestamp(seconds, UTC)

    @property
    def headers(self) -> dict[str, str]:
        """ETag and Last-Modified."""
        tag = quote_etag(self._identity, weak=not self._is_strong)
        return {"ETag": tag, "Last-Modified": _http_date(self._modified)}

    def bodiless_status(self, request: Request) -> int | None:
        """304 or 412 if the request's conditions say so; None if the content is to be sent."""
        if not _CONDITIONS & request.environ.keys():
            return None
        if not self._fulfils_preconditions(request):
            return 412
        if request.if_none_match:
            return 304 if request.if_none_match.contains_weak(self._identity) else None
        since = request.if_modified_since
        return 304 if since and self._modified <= since else None

    def _fulfils_preconditions(self, request: Request) -> bool:
        if request.if_match:
            is_match = self._is_strong and request.if_match.contains(self._identity)
            return is_match or request.if_match.star_tag  # "*" matches any content
        since = request.if_unmodified_since
        return since is None or self._modified <= since

    def allow_range(self, request: Request) -> bool:
        """Whether If-Range, if sent, names this content.

        Only a strong identity can decide that (section 13.1.5).
        """
        if_range = request.if_range
        if if_range.etag is None and if_range.date is None:
            return "If-Range" not in request.headers
        if not self._is_strong or request.headers["If-Range"].startswith(("W/", "w/")):
            return False
        return if_range.etag == self._identity if if_range.etag else if_range.date == self._modified


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Consecutive bytes of a file.

    Attributes:
        first: offset of the first byte; the file begins with 0.
        end: offset of the byte after the last one.
    """

    first: int
    end: int

    @property
    def length(self) -> int:
        """Number of bytes in the range."""
        return self.end - self.first


class FileBody:
    """A readable file made of bytes and of ranges of another file, in order.

    waitress reads on whenever its client has taken what was sent before; so a slow client costs an
    open file, and neither a thread nor memory. Closing it closes the file.

    Args:
        file: read where the pieces say.
        pieces: what the body consists of.
        is_mapped: whether ``read`` gives views of the file's pages instead of copies where the
            system can map the file. They are for the system, which reports a page that is gone as
            an error; a program that looks at one is killed.
    """

    def __init__(
        self, file: io.RawIOBase, pieces: Sequence[bytes | ByteRange], *, is_mapped: bool = False
    ) -> None:
        self._file = file
        self._pieces = pieces
        self._is_mapped = is_mapped
        lengths = [piece.length if isinstance(piece, ByteRange) else len(piece) for piece in pieces]
        self._ends = list(accumulate(lengths))
        self._position = 0

    def __len__(self) -> int:
        """Number of bytes in the whole body."""
        return self._ends[-1] if self._ends else 0

    def read(self, max_bytes: int = -1) -> bytes | memoryview:
        """Read the next bytes, perhaps fewer than requested; none at the end.

        Raises:
            OSError: the file is shorter than it was, or cannot be read, or is closed. The
                server then closes the connection; with no bytes and no error it would try for
                ever.
        """
        if max_bytes < 0:
            return b"".join(iter(lambda: self.read(MAX_READ_BYTES), b""))
        if self._position >= len(self) or not max_bytes:
            return b""
        index = bisect_right(self._ends, self._position)
        piece, left = self._pieces[index], self._ends[index] - self._position
        is_cheap = self._is_mapped or not self._position
        count = min(left, max_bytes, MAX_READ_BYTES if is_cheap else LATER_READ_BYTES)
        data: bytes | memoryview
        if not isinstance(piece, ByteRange):
            data = piece[len(piece) - left :][:count]
        elif self._file.closed:
            raise OSError(errno.EBADF, "the file was closed while it was sent")
        elif self._is_mapped:
            first = piece.end - left
            page = first - first % mmap.ALLOCATIONGRANULARITY
            length = first + count - page
            try:
                pages = mmap.mmap(self._file.fileno(), length, access=mmap.ACCESS_READ, offset=page)
            except ValueError:
                raise OSError(errno.EIO, "the file became shorter while it was sent") from None
            except OSError:  # not every file system can map files
                self._is_mapped = False
                return self.read(max_bytes)
            data = memoryview(pages)[first - page :]  # unmapped with the last view of it
        else:
            self._file.seek(piece.end - left)
            data = self._file.read(count) or b""
            if not data and count:
                raise OSError(errno.EIO, "the file became shorter while it was sent")
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to another position, as in any file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self)}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Offset of the next byte in the body."""
        return self._position

    def close(self) -> None:
        """Close the file; closing it again has no effect."""
        self._file.close()


def file_response(request: Request, media: MediaFile, name: str, *, is_download: bool) -> Response:
    """The file, or the parts of it that the request asks for.

    The response closes the file when it was sent; so does an error.

    Args:
        request: method, conditions and ranges count.
        media: the open file.
        name: the suggested name for saving it.
        is_download: whether the browser is to save it rather than show it.

    Raises:
        ApiError: the file has no such part (416), or a condition is not fulfilled (412).
        OSError: the file cannot be read.
    """
    validators = Validators(media.identity, media.modified, is_strong=media.is_certain)
    headers = media_headers(media, validators)
    headers["Accept-Ranges"] = "bytes"
    is_attachment = is_download or media.format is None
    headers["Content-Disposition"] = _disposition(name, is_attachment=is_attachment)
    try:
        known = bodiless_response(request, validators, headers)
        if known is not None:
            media.file.close()
            return known
        ranges = _ranges(request, validators, media.size)
        if media.link and not is_attachment and _may_redirect(request, ranges):
            link = media.link()
            media.file.close()
            return Response(status=307, headers={"Location": link, **_LINK_HEADERS})
        return _with_body(request, media, headers, ranges)
    except BaseException:
        media.file.close()
        raise


def media_headers(media: MediaFile, validators: Validators) -> dict[str, str]:
    """Headers of every response that is made from a published file."""
    return {
        **validators.headers,
        "Cache-Control": CACHE_FOREVER if media.is_certain else _REVALIDATE,
        "Content-Security-Policy": SANDBOX,
    }


def bodiless_response(
    request: Request, validators: Validators, headers: dict[str, str]
) -> Response | None:
    """The response with status 304 if the client has this content already, else None.

    Raises:
        ApiError: the request is for another content than this (412).
    """
    status = validators.bodiless_status(request)
    if status == 412:  # noqa: PLR2004 - an HTTP status
        raise ApiError(status, "other_content", "the file is not the one that the request means")
    return None if status is None else Response(status=status, headers=headers)


def _may_redirect(request: Request, ranges: tuple[ByteRange, ...] | None) -> bool:
    """Whether the client gets from a link to the store what it would get from this server.

    The store knows other validators and no multiple ranges, a script may not read its answer, and
    a link is for GET alone.
    """
    conditions = (_CONDITIONS | {"HTTP_IF_RANGE"}) & request.environ.keys()
    is_script = "Origin" in request.headers or request.headers.get("Sec-Fetch-Mode") == "cors"
    is_one_part = ranges is None or len(ranges) == 1
    return request.method == "GET" and not conditions and not is_script and is_one_part


def _ranges(request: Request, validators: Validators, size: int) -> tuple[ByteRange, ...] | None:
    """The requested parts of the file; None for all of it. Raises ApiError (416)."""
    header = request.headers.get("Range")
    # A range has no meaning for HEAD (section 14.2).
    if header is None or request.method != "GET" or not validators.allow_range(request):
        return None
    ranges = requested_ranges(header, size)
    if ranges == ():
        raise ApiError(
            416,
            "no_such_range",
            f"the file has {size:,} bytes, and the request asks for others, or in too many parts",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return ranges


def _with_body(
    request: Request,
    media: MediaFile,
    headers: dict[str, str],
    ranges: tuple[ByteRange, ...] | None,
) -> Response:
    mime_type = CONTENT_TYPES[media.format]
    pieces: list[bytes | ByteRange] = [ByteRange(0, media.size)]
    if ranges is not None and len(ranges) == 1:
        headers["Content-Range"] = _content_range(ranges[0], media.size)
        pieces = [ranges[0]]
    elif ranges is not None:
        boundary = secrets.token_hex(16)
        pieces = _multipart(ranges, mime_type, media.size, boundary)
        mime_type = f"multipart/byteranges; boundary={boundary}"
    body = FileBody(media.file, pieces)
    headers |= {"Content-Length": str(len(body)), "Content-Type": mime_type}
    status = 200 if ranges is None else 206
    if request.method == "HEAD":
        body.close()
        return Response((), status, headers)
    if media.is_remote:
        # waitress reads a file in the thread that serves all connections, which must not wait for
        # another machine; an iterator is read in a thread of its own, as fast as it can be.
        parts = iter(lambda: bytes(body.read(LATER_READ_BYTES)), b"")
        return Response(ClosingIterator(parts, body.close), status, headers)
    if len(body) <= MAX_BYTES_AT_ONCE:
        content = [bytes(body.read())]
        body.close()
        return _FileResponse(content, status, headers, direct_passthrough=True)
    body = FileBody(media.file, pieces, is_mapped=True)
    wrapped = wrap_file(request.environ, body, MAX_READ_BYTES)  # type: ignore[arg-type] # reads and closes
    return _FileResponse(wrapped, status, headers, direct_passthrough=True)


def _multipart(
    ranges: tuple[ByteRange, ...], mime_type: str, size: int, boundary: str
) -> list[bytes | ByteRange]:
    """The body of a response that has several parts (section 14.6)."""
    pieces: list[bytes | ByteRange] = []
    for part in ranges:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {mime_type}\r\n"
            f"Content-Range: {_content_range(part, size)}\r\n\r\n"
        )
        pieces += [head.encode(), part]
    return [*pieces, f"\r\n--{boundary}--\r\n".encode()]


def _content_range(part: ByteRange, size: int) -> str:
    return f"bytes {part.first}-{part.end - 1}/{size}"


@lru_cache(1_000)  # a player asks for one song many times
def _disposition(name: str, *, is_attachment: bool) -> str:
    """How to use the file (RFC 6266), with a name in ASCII and the true one (RFC 8187)."""
    printable = "".join(sign if sign.isprintable() else " " for sign in name)
    clean = " ".join(_NOT_IN_NAMES.sub(" ", printable).split()).strip(" .")
    stem, dot, suffix = clean.rpartition(".")
    clean = f"{stem[:_MAX_NAME]}{dot}{suffix[:_MAX_NAME]}" or "media"
    plain = clean.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f'{"attachment" if is_attachment else "inline"}; filename="{plain}"'
    if plain == clean:
        return disposition
    return f"{disposition}; filename*=UTF-8''{quote(clean, safe='')}"


def requested_ranges(header: str, size: int) -> tuple[ByteRange, ...] | None:
    """The byte ranges that a ``Range`` header requests (RFC 9110, section 14).

    Ranges that touch, overlap or nearly do are joined, so that no response is much longer than
    the file. All others keep the order in which they were requested.

    Args:
        header: the header's value.
        size: bytes in the file.

    Returns:
        Empty if the file has none of them, or if the header asks for more than is given: an
        inverted range, or more ranges than any player needs. None for what is not a range of
        bytes, which is answered as if there was no such header.
    """
    if len(header) > _MAX_RANGE_HEADER:
        return ()
    match = _RANGE_HEADER.fullmatch(header.strip())
    specs = [spec for part in match[1].split(",") if (spec := part.strip())] if match else []
    matches = [_RANGE.fullmatch(spec) for spec in specs if spec != "-"]
    pairs = [(digits[1], digits[2]) for digits in matches if digits]
    if not pairs or len(pairs) != len(specs):
        return None
    is_inverted = any(first and last and int(first) > int(last) for first, last in pairs)
    if is_inverted or len(pairs) > MAX_RANGES:
        return ()
    ranges: list[ByteRange] = []
    for first, last in pairs:
        if not first:
            requested = ByteRange(max(0, size - int(last)), size)
        else:
            requested = ByteRange(int(first), min(int(last) + 1, size) if last else size)
        if requested.length > 0:
            _join(ranges, requested)
    return tuple(ranges)


def _join(ranges: list[ByteRange], added: ByteRange) -> None:
    """Add one range, at the position of the first of those that it is joined with."""
    position = len(ranges)
    for index in range(len(ranges) - 1, -1, -1):
        other = ranges[index]
        if added.first <= other.end + _MAX_GAP and other.first <= added.end + _MAX_GAP:
            added = ByteRange(min(added.first, other.first), max(added.end, other.end))
            del ranges[index]
            position = index
    ranges.insert(position, added)
