"""Webhooks against real receivers: valid ones, slow ones and broken ones."""

from __future__ import annotations

import hashlib
import hmac
import socket
import time
from typing import TYPE_CHECKING

import pytest

from adapters.hooks.webhook import WebhookTransport
from application.ports.hooks import DeliveryFailure
from tests.fakes.system import ManualClock
from tests.integration.comfyui_server.tls import behind_tls
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
    from pathlib import Path

BODY = b'{"version":1}'
SECRET = "pass wörd"  # noqa: S105 - of a test
TIMED_OUT = DeliveryFailure("the receiver did not answer in time")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 204."""
    with receiving() as listening:
        yield listening


def within(seconds: float) -> Callable[[], float]:
    """A function of the seconds that remain until a deadline from now on."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def transport(address: str, secret: str | None = SECRET) -> WebhookTransport:
    """A transport without a rotation, with a fixed clock."""
    return WebhookTransport(address, secret, None, ManualClock())


def send(address: str, seconds: float = 30.0) -> DeliveryFailure | None:
    """Post once."""
    return transport(address).send("delivery-1", BODY, within(seconds))


def test_a_receiver_gets_the_payload_with_its_headers(receiver: Receiver) -> None:
    """Body, type and id, with the time of the attempt in whole seconds."""
    assert send(receiver.address) is None
    [posted] = receiver.requests
    assert (posted.path, posted.body) == ("/ready?queue=7", BODY)
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["webhook-id"] == "delivery-1"
    assert posted.headers["webhook-timestamp"] == f"{ManualClock().now().timestamp():.0f}"


def test_the_deprecated_headers_are_still_sent(receiver: Receiver) -> None:
    """Their key is the secret's text, they sign time and body, as before."""
    assert send(receiver.address) is None
    [posted] = receiver.requests
    assert posted.headers["X-Mediagen-Delivery"] == "delivery-1"
    at, _, digest = posted.headers["X-Mediagen-Signature"].partition(",")
    assert at == f"t={ManualClock().now().timestamp():.0f}"
    signed = f"{at.removeprefix('t=')}.".encode() + posted.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert digest == f"v1={expected}"


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    """The message still has its id."""
    assert transport(receiver.address, None).send("delivery-1", BODY, within(30)) is None
    headers = receiver.requests[0].headers
    assert [name for name in headers if "signature" in name.lower()] == []
    assert headers["webhook-id"] == "delivery-1"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_success(receiver: Receiver, status: int) -> None:
    """Whatever the exact status is."""
    receiver.behaviours = [answering(status)]
    assert send(receiver.address) is None


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503, 599])
def test_every_other_answer_is_retried(receiver: Receiver, status: int) -> None:
    """The receiver may be fixed."""
    receiver.behaviours = [answering(status)]
    assert send(receiver.address) == DeliveryFailure(f"the receiver answered {status}")


def test_gone_is_permanent(receiver: Receiver) -> None:
    """410 means that the receiver will not come back."""
    receiver.behaviours = [answering(410)]
    assert send(receiver.address) == DeliveryFailure("the receiver answered 410", permanent=True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    """A message signed for one receiver is sent to no other."""
    with receiving() as other:
        receiver.behaviours = [answering(status, Location=other.address)]
        assert send(receiver.address) == DeliveryFailure(f"the receiver answered {status}")
        assert other.requests == []


@pytest.mark.parametrize("behaviour", [hanging, dripping])
def test_a_slow_receiver_is_cut_off_at_the_time_limit(
    receiver: Receiver, behaviour: Callable[[object], None]
) -> None:
    """Also one that sends a byte at a time."""
    receiver.behaviours = [behaviour]
    assert send(receiver.address, 0.3) == TIMED_OUT


def test_a_stop_cuts_a_delivery_short(receiver: Receiver) -> None:
    """The remaining time may drop to zero at any moment."""
    receiver.behaviours = [hanging]
    assert transport(receiver.address).send("delivery-1", BODY, dropping()) == TIMED_OUT


def dropping() -> Callable[[], float]:
    """Half a minute that drops to zero after a few calls."""
    calls: list[None] = []

    def remaining() -> float:
        calls.append(None)
        return 30.0 if len(calls) < 4 else 0.0

    return remaining


def test_a_receiver_that_never_accepts_is_cut_off_too() -> None:
    """A host that drops packets would otherwise delay for minutes."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = f"http://127.0.0.1:{full.getsockname()[1]}/"
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)  # noqa: FBT003 - the signature of sockets
            client.connect_ex(full.getsockname())
        assert send(address, 0.3) == TIMED_OUT
        for client in clients:
            client.close()


def test_without_time_nothing_is_posted(receiver: Receiver) -> None:
    """No delivery is started after the deadline."""
    assert send(receiver.address, 0.0) == TIMED_OUT
    assert receiver.requests == []


@pytest.mark.parametrize("behaviour", [closing, babbling])
def test_a_receiver_without_a_proper_answer_is_retried(
    receiver: Receiver, behaviour: Callable[[object], None]
) -> None:
    """It may be restarting."""
    receiver.behaviours = [behaviour]
    failure = send(receiver.address)
    assert failure is not None
    assert failure.reason.startswith("the receiver could not be reached")
    assert not failure.permanent


def test_a_refused_connection_is_reported_without_the_address() -> None:
    """The address may contain a secret of the receiver."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = send(f"http://127.0.0.1:{port}/token/abc")
    assert failure is not None
    assert "refused" in failure.reason
    assert "abc" not in failure.reason
    assert str(port) not in failure.reason


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy could read the message."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(receiver.address) is None


def test_an_encrypted_receiver_needs_a_certificate(receiver: Receiver) -> None:
    """A receiver without TLS behind an https address gets nothing."""
    failure = send(receiver.address.replace("http:", "https:"), 10.0)
    assert failure is not None
    assert "begin its address with http://" in failure.reason
    assert receiver.requests == []


@pytest.mark.parametrize("explains", [True, False])
def test_an_encrypted_receiver_is_recognized(
    receiver: Receiver, tmp_path: Path, *, explains: bool
) -> None:
    """Whether it answers without TLS or hangs up, the failure says what to change."""
    with behind_tls(receiver.address, tmp_path, explains=explains) as (url, _):
        failure = send(url.replace("https:", "http:"), 10.0)
    assert failure is not None
    assert "begin its address with https://" in failure.reason
    assert receiver.requests == []


def test_a_handshake_has_the_same_time_limit() -> None:
    """A receiver that accepts and then sends nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        address = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert send(address, 0.3) == TIMED_OUT
        assert transport(address).send("delivery-1", BODY, dropping()) is not None
