"""Webhook signatures, verified as receivers do, with the ``standardwebhooks`` package."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.hooks.signature import SecretError, WebhookSigner, signing_key
from adapters.hooks.webhook import WebhookTransport
from application.outbox_relay import OutboxRelay
from application.signals import StopRequest
from domain.failure import Failure, FailureCode
from domain.hook_delivery import Channel, DeliveryPolicy, HookEvent, Subscription
from domain.prompt import Kind
from tests.fakes.database import InMemoryDatabase, RenderRow
from tests.fakes.hook_outbox import InMemoryHookOutbox, InMemoryHookOutboxWriter
from tests.fakes.system import FixedJitter, ManualClock
from tests.integration.hooks.receiver import Posted, Receiver, answering, receiving
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = '{"version":1,"message":"grün"}'.encode()
KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NEXT_SECRET = "whsec_" + base64.b64encode(KEY[::-1]).decode()
PLAIN_SECRET = "pass wörd"  # noqa: S105 - of a test
PLAIN_KEYS = st.text(min_size=1).filter(lambda text: not text.startswith("whsec_"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 204."""
    with receiving() as listening:
        yield listening


def post(receiver: Receiver, secret: str, previous: str | None = None, age: float = 0.0) -> Posted:
    """Post once with a timestamp in the past (in seconds), and return the request."""
    clock = ManualClock(datetime.now(UTC) - timedelta(seconds=age))
    transport = WebhookTransport(receiver.address, secret, previous, clock)
    assert transport.send("9f1c5be21c4f0a7d3be6a1d2", BODY, lambda: 30.0) is None
    return receiver.requests[-1]


def for_receiver(secret: str) -> str:
    """The form of a plain secret that the documentation tells receivers to use."""
    return "whsec_" + base64.b64encode(secret.encode()).decode()


@pytest.mark.parametrize(
    ("secret", "receiver_secret"),
    [
        (SECRET, SECRET),
        (SECRET, SECRET.removeprefix("whsec_")),
        ("whsec_" + base64.b64encode(b"x" * 25).decode().rstrip("="), for_receiver("x" * 25)),
        (PLAIN_SECRET, for_receiver(PLAIN_SECRET)),
        ("s3cret", for_receiver("s3cret")),
    ],
)
def test_a_stock_verifier_accepts_a_webhook(
    receiver: Receiver, secret: str, receiver_secret: str
) -> None:
    """With a secret in the standard form, and with a plain one in its documented form."""
    posted = post(receiver, secret)
    assert Webhook(receiver_secret).verify(posted.body, posted.headers) == json.loads(BODY)


def test_a_stock_verifier_refuses_changes(receiver: Receiver) -> None:
    """The id, the time and the body are signed; another secret does not match."""
    posted = post(receiver, SECRET)
    verifier = Webhook(SECRET)
    timestamp = str(int(posted.headers["webhook-timestamp"]) + 1)
    for changed in ({"webhook-id": "other"}, {"webhook-timestamp": timestamp}):
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            verifier.verify(posted.body, {**posted.headers, **changed})
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verifier.verify(posted.body + b" ", posted.headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(NEXT_SECRET).verify(posted.body, posted.headers)


@pytest.mark.parametrize(
    ("age", "message"), [(240, None), (-240, None), (360, "too old"), (-360, "too new")]
)
def test_a_stock_verifier_tolerates_five_minutes(
    receiver: Receiver, age: float, message: str | None
) -> None:
    """The timestamp is the wall clock time of the attempt."""
    posted = post(receiver, SECRET, age=age)
    if message is None:
        assert Webhook(SECRET).verify(posted.body, posted.headers)
    else:
        with pytest.raises(WebhookVerificationError, match=message):
            Webhook(SECRET).verify(posted.body, posted.headers)


def test_a_retry_has_the_same_id_and_a_new_signature(receiver: Receiver) -> None:
    """The second attempt comes an hour after the event and is still accepted."""
    clock = ManualClock(datetime.now(UTC) - timedelta(hours=1))
    hook = Subscription(HookEvent.ERROR, Channel.WEBHOOK)
    database = InMemoryDatabase()
    writer = InMemoryHookOutboxWriter(database, clock, [hook])
    for render_id in (1, 2):
        failure = Failure(FailureCode.STALLED, "it was silent")
        writer.failed(RenderRow(render_id, render_id, Kind.IMAGE, 1, ME), failure)
    relay = OutboxRelay(
        hook,
        WebhookTransport(receiver.address, SECRET, None, clock),
        InMemoryHookOutbox(database),
        DeliveryPolicy(base_seconds=3600.0),
        30.0,
        clock,
        FixedJitter(1.0),
    )
    receiver.behaviours = [answering(503)]
    relay.deliver_due(StopRequest())
    clock.advance(3600.0)
    relay.deliver_due(StopRequest())
    first, other, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert other.headers["webhook-id"] != first.headers["webhook-id"]
    elapsed = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert elapsed == 3600
    content = Webhook(SECRET).verify(second.body, second.headers)
    assert (content["id"], content["attempts"]) == (second.headers["webhook-id"], 2)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(SECRET).verify(first.body, first.headers)


def test_both_secrets_sign_during_a_rotation(receiver: Receiver) -> None:
    """A receiver with either secret accepts it; the deprecated header keeps one signature."""
    posted = post(receiver, NEXT_SECRET, previous=SECRET)
    signatures = posted.headers["webhook-signature"].split(" ")
    assert [signature.partition(",")[0] for signature in signatures] == ["v1", "v1"]
    for secret in (SECRET, NEXT_SECRET):
        assert Webhook(secret).verify(posted.body, posted.headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(for_receiver("another")).verify(posted.body, posted.headers)
    after = post(receiver, NEXT_SECRET)
    assert posted.headers["X-Mediagen-Signature"].count("v1=") == 1
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify(after.body, after.headers)


@given(PLAIN_KEYS, st.text())
def test_every_plain_secret_has_a_standard_form(secret: str, content: str) -> None:
    """Its key is the UTF-8 bytes of the text, whatever the secret and the body are."""
    body = content.encode()
    headers = WebhookSigner(secret).headers("id", int(datetime.now(UTC).timestamp()), body)
    Webhook(for_receiver(secret)).verify(body, headers, json_parse=False)


@given(st.binary(min_size=1, max_size=64), st.booleans())
def test_a_standard_secret_holds_its_key_in_base64(key: bytes, padded: bool) -> None:  # noqa: FBT001
    """With and without padding."""
    text = base64.b64encode(key).decode()
    assert signing_key("whsec_" + (text if padded else text.rstrip("="))) == key


@pytest.mark.parametrize("text", ["", "=", "a", "hush hush", "hush-hush_hu", "hüsh", "aGk=aGk="])
def test_a_standard_secret_without_a_key_is_refused(text: str) -> None:
    """The message does not quote it."""
    with pytest.raises(SecretError) as caught:
        signing_key("whsec_" + text)
    assert "hush" not in str(caught.value)
