"""Published files, small copies of pictures, and how loud songs are."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, request

from adapters.media_files.small_copies import SmallCopies
from adapters.media_files.sound_levels import LEVELS
from adapters.media_files.thumbnails import WIDTHS, Thumbnails
from adapters.media_files.unfit import CrowdedError, UnfitMediaError
from adapters.media_files.waveforms import Waveforms
from adapters.media_files.workshop import Workshop
from entrypoints.web import queries
from entrypoints.web.answers import json_answer
from entrypoints.web.errors import ApiError
from entrypoints.web.media_answers import file_answer, known_answer, media_headers
from entrypoints.web.media_conditions import Validators
from entrypoints.web.media_names import saved_name
from entrypoints.web.media_short_way import take_short_way
from entrypoints.web.media_sources import opened, published, unreadable

if TYPE_CHECKING:
    from adapters.media_files.media_file import MediaFile
    from entrypoints.web.services import Services

USUAL_PARTS: Final = 400  # of a waveform


def blueprint(services: Services) -> Blueprint:
    """GET /api/media/... and GET /api/v1/peaks/..."""
    room = Blueprint("media", __name__)
    room.record_once(lambda state: take_short_way(state.app, services))
    # One workshop for both: together they leave threads for those who ask for something else.
    copies, workshop = SmallCopies(services.thumbnails, services.thumbnails_max_bytes), Workshop()
    thumbnails, waveforms = Thumbnails(copies, workshop), Waveforms(copies, workshop)

    @room.get("/api/media/<path:file_path>")
    def file(file_path: str) -> Response:
        width = _width()
        artifact, media = published(services, file_path)
        small = _thumbnail(thumbnails, media, width) if width else None
        if small is not None:
            return small
        name, download = saved_name(artifact, file_path), request.args.get("download") == "1"
        answer = file_answer(request, media, name, download=download)
        if width:  # the original stands in for a small one, this time
            answer.headers["Cache-Control"] = "no-store"
            del answer.headers["ETag"], answer.headers["Last-Modified"]
        return answer

    @room.get("/api/v1/peaks/<row:artifact_id>")
    def peaks(artifact_id: int) -> Response:
        parts = queries.whole_number("n", USUAL_PARTS, LEVELS)
        artifact = services.gallery().artifact_by_id(artifact_id)
        if artifact is None:
            raise ApiError(404, "no_such_artifact", f"there is no artifact {artifact_id}")
        media = opened(services, artifact, artifact.file_path)
        with closing(media.file):
            return _peaks(waveforms, media, parts)

    return room


def _width() -> int | None:
    """The width that is asked for, or None for the file itself."""
    given = request.args.get("w")
    if given is None:
        return None
    widths = {str(width): width for width in WIDTHS}
    if given not in widths:
        raise queries.wrong("w", f"must be one of {', '.join(widths)}")
    return widths[given]


def _thumbnail(thumbnails: Thumbnails, media: MediaFile, width: int) -> Response | None:
    """A small picture; closes the file unless it gives None, which means that there is no time."""
    validators = Validators(f"{media.identity}-{width}", media.modified, is_strong=media.is_certain)
    headers = media_headers(media, validators)
    try:
        answer = known_answer(request, validators, headers)
        if answer is None:
            webp = thumbnails.webp(media, width)
            answer = Response(webp, headers=headers, content_type="image/webp")
    except CrowdedError:
        return None
    except UnfitMediaError as error:
        media.file.close()
        raise ApiError(422, "no_thumbnail", f"there is no small copy: {error}") from error
    except OSError as error:
        media.file.close()
        raise unreadable(error) from error
    except BaseException:
        media.file.close()
        raise
    media.file.close()
    return answer


def _peaks(waveforms: Waveforms, media: MediaFile, parts: int) -> Response:
    validators = Validators(f"{media.identity}-{parts}", media.modified, is_strong=media.is_certain)
    headers = media_headers(media, validators)
    answer = known_answer(request, validators, headers)
    if answer is not None:
        return answer
    try:
        found = waveforms.levels(media)
    except CrowdedError as error:
        message = "too many songs are being measured"
        again = {"Retry-After": "1"}
        raise ApiError(503, "busy", message, "Ask again in a second.", again) from error
    except UnfitMediaError as error:
        raise ApiError(422, "no_peaks", f"there is no waveform: {error}") from error
    except OSError as error:
        raise unreadable(error) from error
    document = {"peaks": found.in_parts(parts), "duration_seconds": found.seconds}
    return json_answer(document, headers=headers)
