"""Addresses of servers, and the secrets in them."""

from __future__ import annotations

import pytest

from adapters.comfyui_server.address import ServerAddress, basic_login


@pytest.mark.parametrize(
    ("url", "name", "socket"),
    [
        ("http://127.0.0.1:8188", "http://127.0.0.1:8188", "ws://127.0.0.1:8188/ws"),
        ("http://gpu/", "http://gpu:80", "ws://gpu:80/ws"),
        ("https://gpu.lan/comfy/", "https://gpu.lan:443/comfy", "wss://gpu.lan:443/comfy/ws"),
        ("http://me:pass@GPU:1", "http://gpu:1", "ws://gpu:1/ws"),
        ("http://[::1]:8188", "http://[::1]:8188", "ws://[::1]:8188/ws"),
    ],
)
def test_how_addresses_are_written(url: str, name: str, socket: str) -> None:
    """Each server has one name; the address of its socket follows from that of its routes."""
    address = ServerAddress(url)
    assert (address.name, address.socket_url) == (name, socket)
    assert ServerAddress(name).name == name


def test_a_password_is_used_and_never_shown() -> None:
    """Neither in the name nor in a debugger."""
    address = ServerAddress("http://me:p%40ss@gpu:1")
    assert address.headers == {"Authorization": basic_login("me", "p@ss")}
    assert "p%40ss" not in f"{address!r}{address.name}{address.origin}{address.socket_url}"


@pytest.mark.parametrize(
    "url", ["", "gpu:8188", "ftp://gpu", "http://", "http://me:pass@gpu:port", "http://gpu:99999"]
)
def test_what_is_no_address(url: str) -> None:
    """The message does not quote it, since it may contain a password."""
    with pytest.raises(ValueError, match="looks like") as caught:
        ServerAddress(url)
    assert "pass" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
