"""Which server gets a job: the least busy one, or one that has its models loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.pool import Server, ServerPool
from adapters.comfyui_server.server_workflow import ServerWorkflow
from domain.affinity import Fit, Need
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    import pytest

    from adapters.comfyui_server.deadlines import StopCheck

A, B = (
    ServerWorkflow(f"{name}.json", Kind.IMAGE, {}, {}, models=(f"{name}.safetensors",), label=name)
    for name in "ab"
)


class NeverStops:
    def check(self) -> None:
        """Go on."""


NEVER = cast("StopCheck", NeverStops())
Assigned = list[tuple[str, tuple[str, ...], bool]]


def pool(
    monkeypatch: pytest.MonkeyPatch, *workflows: set[str], prefers_loaded: bool = True
) -> tuple[ServerPool, Assigned]:
    """Servers that have everything, each for these workflows or for all."""
    monkeypatch.setattr(Server, "compatibility", lambda *_: None)
    addresses = [
        ServerAddress(f"http://s{number}:1", workflows=frozenset(names))
        for number, names in enumerate(workflows)
    ]
    assigned: Assigned = []
    return (
        ServerPool(
            addresses,
            ManualClock(),
            on_models=lambda *job: assigned.append(job),
            prefers_loaded=prefers_loaded,
        ),
        assigned,
    )


def need(workflow: ServerWorkflow) -> Need:
    """What a prompt of a workflow needs."""
    return Need(workflow.kind, workflow.label, workflow.models)


def fit(servers: ServerPool, workflow: ServerWorkflow, ahead: int = 0) -> Fit:
    """How a prompt of a workflow suits them."""
    return servers.fit(workflow, need(workflow), ahead)


def give(servers: ServerPool, workflow: ServerWorkflow, prompt_id: int | None = None) -> str:
    """The server that gets a job."""
    acquired = servers.acquire(workflow, need(workflow), NEVER, prompt_id)
    assert is_successful(acquired)
    return acquired.unwrap().server.name.removesuffix(":1").removeprefix("http://")


def test_a_job_goes_to_the_server_that_has_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle one first; and what each had loaded is reported."""
    servers, assigned = pool(monkeypatch, set(), set())
    assert [give(servers, one) for one in (A, B, B, A)] == ["s0", "s1", "s1", "s0"]
    assert [had for *_, had in assigned] == [False, False, True, True]
    assert fit(servers, A) is Fit.IMPOSSIBLE  # all are full


def test_without_affinity_the_least_busy_server_gets_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is loaded does not count."""
    servers, _ = pool(monkeypatch, set(), set(), prefers_loaded=False)
    assert [give(servers, one) for one in (A, A, B, A)] == ["s0", "s1", "s0", "s1"]


def test_an_idle_server_is_filled_before_others_get_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt suits where it is loaded on a server that would start it at once."""
    servers, _ = pool(monkeypatch, set(), set())
    assert fit(servers, A) is Fit.POSSIBLE
    give(servers, A)
    assert (fit(servers, A), fit(servers, B)) == (Fit.POSSIBLE, Fit.POSSIBLE)  # s1 is idle
    give(servers, B)
    assert (fit(servers, A), fit(servers, B)) == (Fit.LOADED, Fit.LOADED)


def test_a_reserved_place_is_used_or_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another job cannot take it meanwhile."""
    servers, _ = pool(monkeypatch, set())
    give(servers, A)
    servers.reserve(7, B, need(B))
    assert fit(servers, A) is Fit.IMPOSSIBLE
    servers.release_reserved(7)
    servers.release_reserved(7)
    assert fit(servers, A) is Fit.LOADED
    servers.reserve(8, A, need(A))
    assert give(servers, A, 8) == "s0"
    assert servers.servers[0].busy == 2


def test_a_server_gets_only_the_workflows_of_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is for a workflow, the reason names it."""
    servers, _ = pool(monkeypatch, {"b"}, {"b", "c"})
    assert give(servers, B) == "s0"
    assert fit(servers, A) is Fit.IMPOSSIBLE
    failure = servers.preflight(A)
    assert failure is not None
    assert failure.code is FailureCode.SERVER_UNREACHABLE
    assert "the workflow 'a'" in failure.message


def test_a_server_that_was_away_has_nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been restarted."""
    servers, _ = pool(monkeypatch, set(), set())
    give(servers, A)
    servers.servers[0].forget_compatibility()
    assert servers.servers[0].loaded is None
    servers.mark_unhealthy(servers.servers[0], Failure(FailureCode.SERVER_UNREACHABLE, "gone"))
    servers.close()
    assert fit(servers, A) is Fit.POSSIBLE
