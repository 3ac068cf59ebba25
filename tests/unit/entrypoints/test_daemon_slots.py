"""The slots that the settings ask for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.prompt import Kind
from entrypoints.daemon.slots import planned_slots
from entrypoints.settings.model import ComfyUI, Media, Renderer, Settings, Workers


def _with(**workers: object) -> Settings:
    return Settings(workers=Workers(**workers))  # type: ignore[arg-type]


def test_without_any_setting_there_is_one_slot_for_everything() -> None:
    """One GPU renders one prompt at a time."""
    [slot] = planned_slots(_with())
    assert (slot.name, slot.kinds, slot.environment) == ("shared-1", frozenset(Kind), {})


def test_environments_are_assigned_in_turn() -> None:
    """Pictures first, then songs, then shared ones."""
    gpus = ({"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"})
    slots = planned_slots(_with(image=2, audio=1, shared=1, environments=gpus))
    assert [(s.name, s.environment["CUDA_VISIBLE_DEVICES"]) for s in slots] == [
        ("image-1", "0"),
        ("image-2", "1"),
        ("audio-1", "0"),
        ("shared-1", "1"),
    ]


@given(st.integers(0, 8), st.integers(0, 8), st.none() | st.integers(0, 8))
def test_slots_are_as_many_as_were_asked_for(image: int, audio: int, shared: int | None) -> None:
    """Their names are unique, and each takes the kinds in its name."""
    slots = planned_slots(_with(image=image, audio=audio, shared=shared))
    expected = image + audio + (shared if shared is not None else int(not image and not audio))
    assert len(slots) == expected
    assert len({slot.name for slot in slots}) == expected
    for slot in slots:
        word = slot.name.partition("-")[0]
        assert slot.kinds == (frozenset(Kind) if word == "shared" else {Kind(word)})


NONE_SET = Workers()


def _served(image: str, audio: str, workers: Workers = NONE_SET) -> list[tuple[str, object]]:
    hosts: tuple[str | dict[str, str | int | tuple[str, ...] | dict[str, str]], ...] = (
        "http://a:8188",
        {"url": "http://b:8188", "slots": 2, "kinds": ("image",)},
        {"url": "http://c:8188", "kinds": ("audio",)},
    )
    settings = Settings(
        comfyui=ComfyUI(hosts=hosts),
        media=Media(renderer=Renderer(image=image, audio=audio)),
        workers=workers,
    )
    return [(slot.name, slot.kinds) for slot in planned_slots(settings)]


IMAGE, AUDIO, BOTH = frozenset({Kind.IMAGE}), frozenset({Kind.AUDIO}), frozenset(Kind)


def test_each_server_gets_its_slots() -> None:
    """No server gets fewer jobs than it may have."""
    assert _served("server", "server") == [
        ("image-1", IMAGE),
        ("image-2", IMAGE),
        ("audio-1", AUDIO),
        ("shared-1", BOTH),
    ]


def test_a_kind_without_a_server_gets_its_own_slot() -> None:
    """A song rendered by a script does not block a server."""
    assert _served("server", "script") == [
        ("image-1", IMAGE),
        ("image-2", IMAGE),
        ("image-3", IMAGE),
        ("audio-1", AUDIO),
    ]


def test_configured_numbers_override_the_servers() -> None:
    """An explicit setting is deliberate."""
    assert _served("server", "server", Workers(image=1)) == [("image-1", IMAGE)]
    assert _served("script", "sketch") == [("shared-1", BOTH)]
