"""The strategies of the rules: selections, new prompts, changes, steps of work, requests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from application.ports.prompt_repository import Selection
from domain.prompt import Kind
from tests.contract.queue_machine_worker import Death

PROMPT_IDS = st.integers(1, 4)  # few, so that rules meet at the same prompt
SLOTS = st.integers(0, 2)
WHICH = st.sampled_from([0, 0, 0, 1, 2, 3])
DEATHS = st.sampled_from([None] * 6 + list(Death))
SELECTIONS = st.sampled_from(  # one draw each: drawing takes most of an example's time
    [Selection()] * 8
    + [Selection(kinds=frozenset({kind})) for kind in Kind]
    + [Selection(only=frozenset(only)) for only in ({1}, {2, 3}, ())]
    + [Selection(excluding=frozenset(excluding)) for excluding in ({1}, {1, 2}, {3})]
    + [Selection(frozenset({Kind.IMAGE}), frozenset({1, 2, 4}), frozenset({2}))]
)
_BIRTHDAYS = [None, "2026-01-01 00:00:00", "2026-01-01T00:00:00", "2025"]
_STATES: list[dict[str, Any]] = [
    {"artifact_status": "pending"},
    {"artifact_status": "pending"},
    {"artifact_status": "pending"},
    {"artifact_status": "pending", "error_message": "an old error"},
    {"artifact_status": "pending", "status": "processing"},
    {"artifact_status": "pending", "written": False},
    {"artifact_status": "error", "error_message": "an old error"},
    {"artifact_status": "unsupported"},
]
ARRIVALS = st.sampled_from(
    [
        {
            "prompt_type": prompt_type,
            "created_at": created_at,
            "status": "completed",
            "error_message": None,
            "written": True,
            **state,
        }
        for state in _STATES
        for prompt_type in ("image_prompt", "image_prompt", "lyrics_prompt", "poetry")
        for created_at in _BIRTHDAYS
    ]
)
CHANGES: list[dict[str, Any] | None] = [  # None: the prompt is deleted
    {"artifact_status": "pending"},
    {"artifact_status": "pending"},
    {"artifact_status": "pending", "error_message": "an old error"},
    {"artifact_status": "ready"},
    {"artifact_status": "unsupported"},
    {"artifact_status": "processing"},
    {"artifact_status": "error", "error_message": "theirs"},
    {"status": "processing"},
    {"status": "completed"},
    {"status": "completed"},
    {"output_reference": None},
    {"output_reference": 9999},  # there is no such writing
    None,
]
PREPARATIONS = ["place", "place", "plan", "beat", "record", "set_clock_back"]
ENDINGS = ["publish", "publish", "publish_and_claim", "charge", "charge", "fail", "release"]
WORK = st.lists(
    st.tuples(st.sampled_from(["claim"] * 4 + PREPARATIONS + ENDINGS), SLOTS, WHICH, DEATHS),
    min_size=1,
    max_size=4,
)
REQUESTS = ["cancel", "give back", "retry", "renew", "retry all"]
WAYS = st.builds(  # a claim, the steps with it, and its end if any; once or several times
    lambda preparations, ending, tries: ("claim", *preparations, *ending) * tries,
    st.lists(st.sampled_from(PREPARATIONS), max_size=2),
    st.sampled_from([(), *((ending,) for ending in ENDINGS)]),
    st.integers(1, 3),
)
RACES = [None, None, None, "its owner wakes up", "others act"]
VICTIMS = [None, "dies", "sleeps", "sleeps"]
SWITCHES = ["pause", "environment pauses", "resume", "environment resumes"]
TIMES = ["time", "due", "jump", "jump back"]
SECONDS = st.sampled_from([0.5, 5.0, 10.0, 31.0, 100.0, 86_400.0])
MEDDLING = st.fixed_dictionaries(
    {
        "change": st.sampled_from(CHANGES),
        "request": st.sampled_from([None] * 12 + REQUESTS + REQUESTS + SWITCHES),
        "arrival": ARRIVALS,
    }
)
