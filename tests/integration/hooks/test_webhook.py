"""Webhooks against real receivers: good ones, slow ones, and those that are none."""

from __future__ import annotations

import hashlib
import hmac
import socket
import time
from typing import TYPE_CHECKING

import pytest

from adapters.hooks.webhook import Webhook
from adapters.memory.clock import ManualClock
from application.ports.notice_sender import Refusal
from tests.integration.hooks.receiver import (
    Receiver,
    answering,
    babbling,
    closing,
    dripping,
    hanging,
    receiving,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BODY = b'{"version":1}'
SECRET = "pass wörd"  # noqa: S105 - of a test


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that listens."""
    with receiving() as listening:
        yield listening


def within(seconds: float) -> Callable[[], float]:
    """What is left of so many seconds from now on."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def send(address: str, seconds: float = 30.0, secret: str | None = SECRET) -> Refusal | None:
    """Post once."""
    return Webhook(address, secret, ManualClock()).send("delivery-1", BODY, within(seconds))


def test_a_receiver_gets_the_payload_and_can_check_whose_it_is(receiver: Receiver) -> None:
    """Body, type, name and signature, as documented."""
    assert send(receiver.address) is None
    [posted] = receiver.got
    assert (posted.path, posted.body) == ("/ready?queue=7", BODY)
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["X-Mediagen-Delivery"] == "delivery-1"
    at, _, digest = posted.headers["X-Mediagen-Signature"].partition(",")
    assert at == f"t={ManualClock().now().timestamp():.0f}"
    signed = f"{at.removeprefix('t=')}.".encode() + posted.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert digest == f"v1={expected}"


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    """An empty signature would look like one."""
    assert send(receiver.address, secret=None) is None
    assert "X-Mediagen-Signature" not in receiver.got[0].headers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_is_one(receiver: Receiver, status: int) -> None:
    """Whatever the receiver says exactly."""
    receiver.behaviours = [answering(status)]
    assert send(receiver.address) is None


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503, 599])
def test_every_other_answer_is_tried_again(receiver: Receiver, status: int) -> None:
    """The receiver may be mended."""
    receiver.behaviours = [answering(status)]
    assert send(receiver.address) == Refusal(f"the receiver answered {status}")


def test_a_receiver_that_is_gone_is_not_asked_again(receiver: Receiver) -> None:
    """410 says so for good."""
    receiver.behaviours = [answering(410)]
    assert send(receiver.address) == Refusal("the receiver answered 410", final=True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    """What is signed for one receiver is nobody else's business."""
    with receiving() as other:
        receiver.behaviours = [answering(status, Location=other.address)]
        assert send(receiver.address) == Refusal(f"the receiver answered {status}")
        assert other.got == []


@pytest.mark.parametrize("behaviour", [hanging, dripping])
def test_a_slow_receiver_is_left_when_the_time_is_over(
    receiver: Receiver, behaviour: Callable[[object], None]
) -> None:
    """Also one that always sends just one byte more."""
    receiver.behaviours = [behaviour]
    began = time.monotonic()
    assert send(receiver.address, 0.3) == Refusal("the receiver did not answer in time")
    assert time.monotonic() - began < 5


def test_a_stop_cuts_a_delivery_short(receiver: Receiver) -> None:
    """The time that is left may shrink to nothing at any moment."""
    receiver.behaviours = [hanging]
    webhook = Webhook(receiver.address, None, ManualClock())
    began = time.monotonic()
    assert webhook.send("delivery-1", BODY, soon_over()) is not None
    assert time.monotonic() - began < 5


def soon_over() -> Callable[[], float]:
    """Half a minute, which is suddenly over."""
    asked: list[None] = []

    def remaining() -> float:
        asked.append(None)
        return 30.0 if len(asked) < 4 else 0.0

    return remaining


def test_a_receiver_that_never_accepts_is_left_too() -> None:
    """A host that swallows packets would keep a connection waiting for minutes."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = f"http://127.0.0.1:{full.getsockname()[1]}/"
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)  # noqa: FBT003 - as sockets have it
            one.connect_ex(full.getsockname())
        began = time.monotonic()
        assert send(address, 0.3) == Refusal("the receiver did not answer in time")
        assert time.monotonic() - began < 5
        for one in crowd:
            one.close()


def test_no_time_at_all_posts_nothing(receiver: Receiver) -> None:
    """Whoever has to end begins nothing."""
    assert send(receiver.address, 0.0) == Refusal("the receiver did not answer in time")
    assert receiver.got == []


@pytest.mark.parametrize("behaviour", [closing, babbling])
def test_a_receiver_that_does_not_answer_properly_is_tried_again(
    receiver: Receiver, behaviour: Callable[[object], None]
) -> None:
    """It may be about to restart."""
    receiver.behaviours = [behaviour]
    refusal = send(receiver.address)
    assert refusal is not None
    assert refusal.reason.startswith("the receiver could not be reached")
    assert not refusal.final


def test_nobody_there_is_named_without_the_address(receiver: Receiver) -> None:
    """The address may hold what only the receiver should know."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refusal = send(f"http://127.0.0.1:{port}/token/abc")
    assert refusal is not None
    assert "refused" in refusal.reason
    assert "abc" not in refusal.reason
    assert str(port) not in refusal.reason


def test_the_environments_proxies_are_left_alone(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are for other programs; a proxy would read what is told."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(receiver.address) is None


def test_an_encrypted_receiver_must_show_a_certificate(receiver: Receiver) -> None:
    """One that speaks plainly where TLS was wanted gets nothing, in good time."""
    refusal = send(receiver.address.replace("http:", "https:"), 10.0)
    assert refusal is not None
    assert receiver.got == []


def test_a_handshake_has_the_same_time_limit() -> None:
    """A receiver that accepts and then says nothing at all."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        address = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        began = time.monotonic()
        assert send(address, 0.3) == Refusal("the receiver did not answer in time")
        webhook = Webhook(address, None, ManualClock())
        assert webhook.send("delivery-1", BODY, soon_over()) is not None
        assert time.monotonic() - began < 5
