"""How a receiver knows that a payload is ours: a keyed hash over the time and the body."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of ``X-Mediagen-Signature``: ``t=<unix time>,v1=<hex HMAC-SHA256>``.

    Args:
        secret: known to us and to the receiver.
        at: seconds since 1970; with it a receiver can refuse what somebody recorded and sends
            again much later.
        body: as it is posted, byte for byte.
    """
    signed = b"%d.%b" % (at, body)
    key = secret.encode("utf-8", "surrogateescape")
    return f"t={at},v1={hmac.new(key, signed, hashlib.sha256).hexdigest()}"
