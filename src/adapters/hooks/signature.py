"""Signatures of webhooks: the Standard Webhooks scheme, version 1 with a symmetric key.

The scheme is that of https://www.standardwebhooks.com (symmetric signatures, ``v1``): HMAC-SHA256
over ``id.timestamp.body``, in base64. The older header ``X-Mediagen-Signature`` is deprecated and
sent for one more release.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105 - every secret of this form begins with it
"""Beginning of a secret that holds its key in base64."""

MIN_KEY_BYTES = 24
"""Length of the shortest key that Standard Webhooks recommends; shorter ones work."""


class SecretError(ValueError):
    """A secret that cannot be used. The message never quotes it."""


def signing_key(secret: str) -> bytes:
    """The key that a secret stands for.

    ``whsec_`` and base64, with or without padding, stands for the decoded bytes. Any other text
    stands for its UTF-8 bytes: a receiver needs ``whsec_`` and the base64 of them.

    Args:
        secret: the secret as it is written in the settings.

    Raises:
        SecretError: the key is empty, or what follows ``whsec_`` is not base64.
    """
    if not secret.startswith(SECRET_PREFIX):
        key = secret.encode("utf-8", "surrogateescape")
    else:
        text = secret.removeprefix(SECRET_PREFIX).rstrip("=")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (ValueError, binascii.Error):
            raise SecretError(
                f"begins with {SECRET_PREFIX}, but the rest of it is not base64"
            ) from None
    if not key:
        raise SecretError("holds no key")
    return key


class WebhookSigner:
    """Makes the headers that identify and sign a message.

    Args:
        secrets: the secrets, the current one first; others are those that it replaces. Without
            any, messages are identified but not signed.

    Raises:
        SecretError: as ``signing_key`` does.
    """

    def __init__(self, *secrets: str) -> None:
        self._keys = [signing_key(secret) for secret in secrets]
        self._legacy_key = secrets[0].encode("utf-8", "surrogateescape") if secrets else None

    def headers(self, delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The headers of one attempt to deliver a message.

        Args:
            delivery_id: unique id of the message, the same for each attempt; without a dot.
            timestamp: time of the attempt, in whole seconds since 1970. A receiver that checks it
                can refuse a recorded request that is sent again later.
            body: the body, byte for byte as it is posted.
        """
        headers = {
            "webhook-id": delivery_id,
            "webhook-timestamp": str(timestamp),
            "X-Mediagen-Delivery": delivery_id,
        }
        if self._legacy_key is not None:
            content = b"%b.%d.%b" % (delivery_id.encode(), timestamp, body)
            digests = [hmac.digest(key, content, hashlib.sha256) for key in self._keys]
            headers["webhook-signature"] = " ".join(
                f"v1,{base64.b64encode(digest).decode()}" for digest in digests
            )
            legacy = hmac.new(self._legacy_key, b"%d.%b" % (timestamp, body), hashlib.sha256)
            headers["X-Mediagen-Signature"] = f"t={timestamp},v1={legacy.hexdigest()}"
        return headers
