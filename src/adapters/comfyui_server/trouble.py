"""A server that does not answer as it should, in words."""

from __future__ import annotations

import os
from http.client import responses

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)


class ServerTroubleError(Exception):
    """No answer, or none that a ComfyUI server gives; it may pass.

    Attributes:
        reason: what happened, for a sentence that begins with the server's name.
        arrived: whether the request may have been taken in all the same.
        connected: whether there was a connection at all.
        passing: whether it is worth the while to ask again.
    """

    def __init__(
        self, reason: str, *, arrived: bool = True, connected: bool = True, passing: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.arrived = arrived
        self.connected = connected
        self.passing = passing


def trouble_of(error: HTTPError | OSError) -> ServerTroubleError:
    """The trouble that an error of the connection means."""
    match error:
        case NameResolutionError():
            return _unconnected("its name cannot be resolved")
        case NewConnectionError():
            return _unconnected(_words_of(error))
        case ConnectTimeoutError():
            return _unconnected("no connection in time")
        case SSLError():
            return _unconnected(f"no secure connection: {error}")
        case ReadTimeoutError():
            return ServerTroubleError("no answer in time")
        case _:
            return ServerTroubleError("the connection broke")


def trouble_of_status(status: int, text: str = "") -> ServerTroubleError:
    """The trouble that a status other than success means."""
    phrase = f"{status} {responses.get(status, '')}".strip()
    said = f": {text}" if text else ""
    # A refusal that asks for a password, or a page that is not there, stays as it is.
    passing = status >= _FIRST_OF_SERVER or status in _PASSING
    return ServerTroubleError(
        f"it answered with {phrase}{said}", arrived=status in _OF_GATES, passing=passing
    )


_FIRST_OF_SERVER = 500
_PASSING = frozenset({408, 425, 429})
_OF_GATES = frozenset({502, 504})  # a gate before the server lost sight of the request


def _unconnected(reason: str) -> ServerTroubleError:
    return ServerTroubleError(reason, arrived=False, connected=False)


def _words_of(error: NewConnectionError) -> str:
    """What the system said ("connection refused")."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return "no connection"
