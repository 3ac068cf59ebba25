"""Dead, alive or unknown: a worker is called dead only when that is certain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.worker import Fate, ProcessIdentity, fate
from tests.owners import ME

WORDS = st.sampled_from(["", "a", "b"])
IDENTITIES = st.builds(
    ProcessIdentity,
    host=WORDS,
    boot=WORDS,
    namespace=WORDS,
    pid=st.integers(1, 3),
    started=st.sampled_from(["1", "2"]),
)


@pytest.mark.parametrize(
    ("owner", "started_now", "expected"),
    [
        (ME, "1", Fate.ALIVE),
        (ME, None, Fate.DEAD),
        (ME, "2", Fate.DEAD),
        (replace(ME, host="elsewhere"), None, Fate.UNKNOWN),
        (replace(ME, namespace="container"), None, Fate.UNKNOWN),
        (replace(ME, boot="boot-0"), "1", Fate.DEAD),
        (replace(ME, boot=""), None, Fate.UNKNOWN),
    ],
    ids=["alive", "gone", "number reused", "other host", "other namespace", "rebooted", "no boot"],
)
def test_fates(owner: ProcessIdentity, started_now: str | None, expected: Fate) -> None:
    """The cases that there are, one by one."""
    assert fate(owner, ME, started_now) is expected


@given(IDENTITIES, IDENTITIES, st.sampled_from([None, "1", "2"]))
def test_nobody_is_called_dead_without_certainty(
    owner: ProcessIdentity, me: ProcessIdentity, started_now: str | None
) -> None:
    """Only on this machine: before its last start, or where its number is seen from here."""
    found = fate(owner, me, started_now)
    if found is Fate.DEAD:
        assert owner.host == me.host
        rebooted = owner.boot and me.boot and owner.boot != me.boot
        seen = owner.namespace == me.namespace and started_now != owner.started
        assert rebooted or seen
    if found is Fate.ALIVE:
        assert replace(owner, pid=0, started="") == replace(me, pid=0, started="")
        assert started_now == owner.started
