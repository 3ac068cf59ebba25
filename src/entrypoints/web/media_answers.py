"""A published file as an answer: whole, in part, or not at all because it is known."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flask import Response
from werkzeug.wsgi import wrap_file

from adapters.media_files.body import AT_ONCE, MediaBody
from adapters.media_files.byte_ranges import Stretch, asked_stretches
from adapters.media_files.content import content_type
from entrypoints.web.errors import ApiError
from entrypoints.web.guarding import HEADERS
from entrypoints.web.media_conditions import Validators

if TYPE_CHECKING:
    from werkzeug import Request

    from adapters.media_files.media_file import MediaFile

# Whatever a file holds, it is shown as a picture or a song and is nothing else.
SANDBOX: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
)
_FOREVER = "private, max-age=31536000, immutable"  # a path is never used twice
_ASK_FIRST = "private, no-cache"  # who knows what other programs do with theirs
_UNTOLD = re.compile(r'["\\/:*?<>|]+')  # in no file's name, on any system
_LONGEST_NAME = 120  # characters


def file_answer(request: Request, media: MediaFile, name: str, *, download: bool) -> Response:
    """The file, or those parts of it that the request asks for; closes it in the end.

    Args:
        request: what is asked.
        media: the open file.
        name: for whoever saves it.
        download: whether it is to be saved rather than shown.

    Raises:
        ApiError: the file has no such part, or is not what the client takes it for.
    """
    validators = Validators(media.identity, media.modified, is_strong=media.is_certain)
    headers = media_headers(media, validators)
    headers["Accept-Ranges"] = "bytes"
    headers["Content-Disposition"] = _disposition(name, saved=download or media.format is None)
    try:
        known = known_answer(request, validators, headers)
        if known is not None:
            media.file.close()
            return known
        stretches = _stretches(request, validators, media.size)
        return _partial(request, media, headers, stretches)
    except BaseException:
        media.file.close()
        raise


def media_headers(media: MediaFile, validators: Validators) -> dict[str, str]:
    """What is said with everything that is made of a file."""
    return {
        **HEADERS,
        **validators.headers,
        "Cache-Control": _FOREVER if media.is_certain else _ASK_FIRST,
        "Content-Security-Policy": SANDBOX,
    }


def known_answer(
    request: Request, validators: Validators, headers: dict[str, str]
) -> Response | None:
    """The answer to a client that needs nothing more, or None. Raises ApiError (412)."""
    status = validators.verdict(request)
    if status is None:
        return None
    if status == 304:  # noqa: PLR2004 - "not modified"
        return Response(status=status, headers=headers)
    raise ApiError(status, "other_content", "the file is not the one that the request means")


def _stretches(request: Request, validators: Validators, size: int) -> tuple[Stretch, ...] | None:
    """Which parts are wanted; None for the whole. Raises ApiError (416)."""
    header = request.headers.get("Range")
    # A range has no meaning for HEAD (section 14.2).
    if header is None or request.method != "GET" or not validators.allow_range(request):
        return None
    stretches = asked_stretches(header, size)
    if stretches == ():
        raise ApiError(
            416,
            "no_such_range",
            f"the file has {size:,} bytes, and the request asks for others, or in too many parts",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return stretches


def _partial(
    request: Request,
    media: MediaFile,
    headers: dict[str, str],
    stretches: tuple[Stretch, ...] | None,
) -> Response:
    kind = content_type(media.format)
    pieces: list[bytes | Stretch] = [Stretch(0, media.size)]
    if stretches is not None and len(stretches) == 1:
        headers["Content-Range"] = _content_range(stretches[0], media.size)
        pieces = [stretches[0]]
    elif stretches is not None:
        border = secrets.token_hex(16)
        pieces = _parts(stretches, kind, media.size, border)
        kind = f"multipart/byteranges; boundary={border}"
    body = MediaBody(media.file, pieces)
    headers |= {"Content-Length": str(len(body)), "Content-Type": kind}
    status = 200 if stretches is None else 206
    if request.method == "HEAD":
        body.close()
        return Response((), status, headers)
    sent = wrap_file(request.environ, body, AT_ONCE)  # type: ignore[arg-type] # reads and closes
    return Response(sent, status, headers, direct_passthrough=True)


def _parts(
    stretches: tuple[Stretch, ...], kind: str, size: int, border: str
) -> list[bytes | Stretch]:
    """The body of an answer that has several parts (section 14.6)."""
    pieces: list[bytes | Stretch] = []
    for stretch in stretches:
        head = (
            f"\r\n--{border}\r\nContent-Type: {kind}\r\n"
            f"Content-Range: {_content_range(stretch, size)}\r\n\r\n"
        )
        pieces += [head.encode(), stretch]
    return [*pieces, f"\r\n--{border}--\r\n".encode()]


def _content_range(stretch: Stretch, size: int) -> str:
    return f"bytes {stretch.first}-{stretch.end - 1}/{size}"


@lru_cache(1_000)  # a player asks for one song many times
def _disposition(name: str, *, saved: bool) -> str:
    """How the file is meant (RFC 6266), with a name in ASCII and the true one (RFC 8187)."""
    shown = "".join(sign if sign.isprintable() else " " for sign in name)
    clean = " ".join(_UNTOLD.sub(" ", shown).split()).strip(" .")
    stem, dot, suffix = clean.rpartition(".")
    clean = f"{stem[:_LONGEST_NAME]}{dot}{suffix[:_LONGEST_NAME]}" or "media"
    plain = clean.encode("ascii", "replace").decode().replace("?", "_")
    told = f'{"attachment" if saved else "inline"}; filename="{plain}"'
    return told if plain == clean else f"{told}; filename*=UTF-8''{quote(clean, safe='')}"
