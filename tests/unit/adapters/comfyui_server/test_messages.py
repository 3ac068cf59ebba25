"""What frames of a server's socket say."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.messages import (
    Cached,
    Ended,
    Finished,
    Message,
    Preview,
    Running,
    Started,
    Stepped,
    read_message,
)

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG a picture"


def frame(kind: str, **data: object) -> str:
    """A text frame about the job "me"."""
    return json.dumps({"type": kind, "data": {"prompt_id": "me", **data}})


def binary(kind: int, number: int, body: bytes) -> bytes:
    """A binary frame."""
    return struct.pack(">II", kind, number) + body


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame("execution_start"), Started("me")),
        (frame("execution_cached", nodes=["1", "2"]), Cached("me", ("1", "2"))),
        (frame("executing", node="3"), Running("me", "3")),
        (frame("executing", node=None), Ended("me", final=True)),
        (frame("progress", node="3", value=2, max=20), Stepped("me", "3", 2, 20)),
        (frame("executed", node="4", output={}), Finished("me", frozenset({"4"}))),
        (
            frame("progress_state", nodes={"1": {"state": "finished"}, "2": {"state": "running"}}),
            Finished("me", frozenset({"1"})),
        ),
        (frame("execution_success"), Ended("me", final=False)),
        (frame("execution_error", node_id="3"), Ended("me", final=False)),
        (frame("execution_interrupted"), Ended("me", final=False)),
    ],
)
def test_what_a_server_says(text: str, message: Message) -> None:
    """Every kind of frame that is of use."""
    assert read_message(text) == message


@pytest.mark.parametrize(
    "text",
    [
        frame("status"),
        frame("progress", value=1, max=2),
        frame("crystools.monitor", cpu=3),
        json.dumps({"type": "executing", "data": {"node": "3"}}),  # on a new connection: whose?
        json.dumps({"type": "executing"}),
        json.dumps([1, 2]),
        "",
        "{",
        "[" * 100_000,
    ],
)
def test_what_is_of_no_use(text: str) -> None:
    """Other kinds, frames of nobody's job, and what is no JSON."""
    assert read_message(text) is None


@pytest.mark.parametrize(
    ("value", "most", "expected"),
    [
        ("two", None, (0, 0)),
        (True, 5, (0, 5)),
        (10**400, 5, (0, 5)),
        (float("inf"), 5, (0, 5)),
    ],
)
def test_odd_numbers_are_none(value: object, most: object, expected: tuple[float, float]) -> None:
    """No division by what a server made up."""
    message = read_message(frame("progress", node="3", value=value, max=most))
    assert message == Stepped("me", "3", *expected)


def test_previews() -> None:
    """With and without the news whose they are; the picture itself tells its kind."""
    facts = json.dumps({"prompt_id": "me", "image_type": "image/png"}).encode()
    assert read_message(binary(1, 1, JPEG)) == Preview("", JPEG, "image/jpeg")
    assert read_message(binary(1, 2, PNG)) == Preview("", PNG, "image/png")
    assert read_message(binary(4, len(facts), facts + JPEG)) == Preview("me", JPEG, "image/jpeg")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\1",
        binary(1, 1, b"no picture"),
        binary(3, 1, JPEG),
        binary(4, 2**32 - 1, JPEG),
        binary(4, 3, b"{{{" + JPEG),
    ],
)
def test_what_is_no_preview(data: bytes) -> None:
    """Too short, of another kind, or broken."""
    assert read_message(data) is None


@given(st.one_of(st.binary(), st.text()))
def test_nothing_makes_it_fail(data: str | bytes) -> None:
    """Whatever comes over the line."""
    read_message(data)
