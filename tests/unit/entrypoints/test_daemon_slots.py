"""Which slots the settings ask for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.kind import Kind
from entrypoints.daemon.slots import planned_slots
from entrypoints.settings.model import Workers


def test_without_any_setting_there_is_one_slot_for_everything() -> None:
    """One GPU, one render at a time."""
    [slot] = planned_slots(Workers())
    assert (slot.name, slot.kinds, slot.environment) == ("shared-1", frozenset(Kind), {})


def test_environments_are_dealt_out_in_turn() -> None:
    """Pictures first, then songs, then shared ones."""
    gpus = ({"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"})
    slots = planned_slots(Workers(image=2, audio=1, shared=1, environments=gpus))
    assert [(s.name, s.environment["CUDA_VISIBLE_DEVICES"]) for s in slots] == [
        ("image-1", "0"),
        ("image-2", "1"),
        ("audio-1", "0"),
        ("shared-1", "1"),
    ]


@given(st.integers(0, 8), st.integers(0, 8), st.none() | st.integers(0, 8))
def test_slots_are_as_many_as_were_asked_for(image: int, audio: int, shared: int | None) -> None:
    """Their names are unique, and each takes what its name says."""
    slots = planned_slots(Workers(image=image, audio=audio, shared=shared))
    expected = image + audio + (shared if shared is not None else int(not image and not audio))
    assert len(slots) == expected
    assert len({slot.name for slot in slots}) == expected
    for slot in slots:
        word = slot.name.partition("-")[0]
        assert slot.kinds == (frozenset(Kind) if word == "shared" else {Kind(word)})
