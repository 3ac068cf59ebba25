"""The pool gives a job to the least busy server, or to one with its models loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from returns.pipeline import is_successful

from adapters.comfyui_graph.graph import Target
from adapters.comfyui_graph.node_types import InputType
from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.client import ServerClient, ServerError
from adapters.comfyui_server.job_socket import JobSocket
from adapters.comfyui_server.pool import Server, ServerPool, ServerSlot, _Compatibility
from adapters.comfyui_server.server_workflow import ServerWorkflow
from adapters.comfyui_server.times_file import read_times
from domain.affinity import Fit, Need
from domain.brief_parser import parse_brief
from domain.brief_paths import BriefPath, PathField
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from adapters.comfyui_server.deadlines import StopCheck

A, B = (
    ServerWorkflow(f"{name}.json", Kind.IMAGE, {}, {}, models=(f"{name}.safetensors",), label=name)
    for name in "ab"
)


class NeverStops:
    def check(self) -> None:
        """Do nothing."""


NEVER = cast("StopCheck", NeverStops())
Assigned = list[tuple[str, tuple[str, ...], bool]]


def pool(
    monkeypatch: pytest.MonkeyPatch, *workflows: set[str], prefers_loaded: bool = True
) -> tuple[ServerPool, Assigned]:
    """Servers with every model, each for these workflows or for all."""
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
    """The requirements of a prompt of a workflow."""
    return Need(workflow.kind, workflow.label, workflow.models)


def fit(servers: ServerPool, workflow: ServerWorkflow, ahead: int = 0) -> Fit:
    """How well a prompt of a workflow fits the servers."""
    return servers.fit(workflow, need(workflow), ahead)


def give(servers: ServerPool, workflow: ServerWorkflow, prompt_id: int | None = None) -> str:
    """Reserve and return the server for a job."""
    acquired = servers.acquire(workflow, need(workflow), NEVER, prompt_id)
    assert is_successful(acquired)
    return submitted(servers, acquired.unwrap())


def submitted(servers: ServerPool, slot: ServerSlot) -> str:
    """Report the models of a slot's job, as the renderer does, and return its server."""
    if slot.need is not None and slot.need.models:
        servers.on_models(slot.server.name, slot.need.models, slot.had_loaded)
    return slot.server.name.removesuffix(":1").removeprefix("http://")


def test_a_job_goes_to_the_server_that_has_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle one first; and the previously loaded models are reported."""
    servers, assigned = pool(monkeypatch, set(), set())
    assert [give(servers, one) for one in (A, B, B, A)] == ["s0", "s1", "s1", "s0"]
    assert [had for *_, had in assigned] == [False, False, True, True]
    assert fit(servers, A) is Fit.IMPOSSIBLE  # all are full


def test_without_affinity_the_least_busy_server_gets_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Loaded models do not count."""
    servers, _ = pool(monkeypatch, set(), set(), prefers_loaded=False)
    assert [give(servers, one) for one in (A, A, B, A)] == ["s0", "s1", "s0", "s1"]


def test_an_idle_server_is_filled_before_others_get_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt fits if its models are loaded on a server that would start it at once."""
    servers, _ = pool(monkeypatch, set(), set())
    assert fit(servers, A) is Fit.POSSIBLE
    give(servers, A)
    assert (fit(servers, A), fit(servers, B)) == (Fit.POSSIBLE, Fit.POSSIBLE)  # s1 is idle
    give(servers, B)
    assert (fit(servers, A), fit(servers, B)) == (Fit.LOADED, Fit.LOADED)


def test_a_reserved_slot_is_used_or_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another job cannot take it in the meantime."""
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
    """If no server serves a workflow, the reason names it."""
    servers, _ = pool(monkeypatch, {"b"}, {"b", "c"})
    assert give(servers, B) == "s0"
    assert fit(servers, A) is Fit.IMPOSSIBLE
    failure = servers.preflight(A)
    assert failure is not None
    assert failure.code is FailureCode.SERVER_UNREACHABLE
    assert "the workflow 'a'" in failure.message


def test_a_server_that_was_unreachable_has_no_loaded_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have been restarted."""
    servers, _ = pool(monkeypatch, set(), set())
    give(servers, A)
    servers.servers[0].forget_compatibility()
    assert servers.servers[0].loaded is None
    servers.mark_unhealthy(servers.servers[0], Failure(FailureCode.SERVER_UNREACHABLE, "gone"))
    servers.close()
    assert fit(servers, A) is Fit.POSSIBLE


def known_times(servers: ServerPool, load: float = 10.0, render: float = 1.0) -> None:
    """Let both workflows be rendered, with and without loading."""
    for workflow in (A, B):
        for had_loaded, seconds in ((False, load + render), (True, render)):
            slot = ServerSlot(
                servers.servers[1], cast("JobSocket", None), need(workflow), had_loaded
            )
            servers.learn(slot, seconds)


def test_a_prompt_is_left_to_a_busy_server_that_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets it at once if it has a free slot; as many as it renders while another would load."""
    servers, _ = pool(monkeypatch, set(), set())
    give(servers, A)
    give(servers, B)
    servers.release(busy_slot(servers, 0))
    assert fit(servers, B) is Fit.POSSIBLE  # s0 is idle, and no times are known
    known_times(servers)
    assert fit(servers, B) is Fit.LOADED
    servers.reserve(7, B, need(B))
    assert (servers.servers[0].busy, servers.servers[1].busy) == (0, 2)
    assert fit(servers, B) is Fit.LATER  # s1 is full
    assert fit(servers, B, ahead=8) is Fit.LATER
    assert fit(servers, B, ahead=9) is Fit.POSSIBLE
    assert fit(servers, A) is Fit.LOADED
    servers.servers[1].since -= 23
    assert fit(servers, B) is Fit.POSSIBLE  # it does not keep up
    servers.servers[1].since += 23
    servers.mark_unhealthy(servers.servers[1], Failure(FailureCode.SERVER_UNREACHABLE, "gone"))
    assert fit(servers, B) is Fit.POSSIBLE
    servers.close()


def test_without_affinity_no_prompt_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue order applies, and the least busy server gets the job."""
    servers, _ = pool(monkeypatch, set(), set(), prefers_loaded=False)
    give(servers, A)
    give(servers, B)
    servers.release(busy_slot(servers, 0))
    known_times(servers)
    assert fit(servers, B) is Fit.POSSIBLE
    servers.reserve(7, B, need(B))
    assert servers.servers[0].busy == 1


def busy_slot(servers: ServerPool, number: int) -> ServerSlot:
    """A slot whose job ends."""
    return ServerSlot(servers.servers[number], JobSocket(servers.servers[number].address))


class LoraServer:
    """Servers with different LoRAs, and a workflow whose LoRA a brief names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *offers: tuple[str, ...]) -> None:
        target = Target("9", "lora_name")
        self.workflow = ServerWorkflow(
            "l.json",
            Kind.IMAGE,
            {},
            {"technical_params.lora": (target,)},
            models=("base.safetensors", "own.safetensors"),
            model_paths={"technical_params.lora": frozenset({"own.safetensors"})},
            paths={"technical_params.lora": PathField(BriefPath.parse("technical_params.lora"))},
        )
        self.servers, self.assigned = pool(monkeypatch, *(set() for _ in offers))
        for server, names in zip(self.servers.servers, offers, strict=True):
            types = {target: InputType("COMBO", names, {}, required=True)}
            server._compatibility[Kind.IMAGE, ""] = _Compatibility(  # noqa: SLF001 - as if asked
                self.workflow, None, 0.0, types
            )

    def need(self, **technical: object) -> Need:
        """The requirements of a prompt with these parameters."""
        content = json.dumps({"prompt": "a", "technical_params": technical})
        return self.servers.need(self.workflow, lambda: parse_brief(Kind.IMAGE, content).unwrap())

    def fit(self, need: Need) -> Fit:
        """How well such a prompt fits the servers."""
        return self.servers.fit(self.workflow, need)

    def give(self, need: Need) -> str:
        """Reserve and return the server for such a prompt."""
        acquired = self.servers.acquire(self.workflow, need, NEVER).unwrap()
        return submitted(self.servers, acquired)


def test_models_that_a_brief_names_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server's name for them, instead of the graph's own."""
    place = LoraServer(monkeypatch, ("styles/Ink.safetensors", "own.safetensors"))
    assert place.need().models == ("base.safetensors", "own.safetensors")
    ink = place.need(lora="ink")
    assert ink.models == ("base.safetensors", "styles/Ink.safetensors")
    assert ink.load == place.need(lora="styles/ink.safetensors").load != place.need().load
    assert place.give(ink) == "s0"
    assert place.assigned == [("http://s0:1", ink.models, False)]
    assert place.fit(place.need(lora="Ink.safetensors")) is Fit.LOADED
    assert place.fit(place.need()) is Fit.POSSIBLE


def test_a_prompt_goes_only_to_servers_that_offer_its_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for them; if no server offers it, its render fails with the reason."""
    place = LoraServer(monkeypatch, ("ink.safetensors",), ("oil.safetensors",))
    oil, unknown = place.need(lora="oil"), place.need(lora="gouache")
    assert unknown.models == ("base.safetensors", "gouache")
    assert [place.give(oil), place.give(oil)] == ["s1", "s1"]
    assert place.fit(oil) is Fit.IMPOSSIBLE
    assert place.fit(unknown) is Fit.POSSIBLE
    assert place.give(unknown) == "s0"
    failure = Failure(FailureCode.SERVER_UNREACHABLE, "gone")
    place.servers.mark_unhealthy(place.servers.servers[1], failure)
    assert place.fit(oil) is Fit.AWAY  # it offered it before it was gone
    assert place.fit(unknown) is Fit.LOADED  # every server was asked: its render says why
    assert place.servers.why_away(place.workflow, unknown) is None
    reason = place.servers.why_away(place.workflow, oil)
    assert reason is not None
    assert reason.message == "no server that answers offers technical_params.lora 'oil'; gone"
    refused = place.servers.acquire(place.workflow, oil, NEVER)
    assert refused.failure().code is FailureCode.SERVER_UNREACHABLE
    place.servers.close()


def test_a_prompt_waits_for_a_server_that_was_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may offer what none of the others does; what one of these offers waits for nothing."""
    place = LoraServer(monkeypatch, ("ink.safetensors",), ("oil.safetensors",))
    there = place.servers.servers[1]
    there._compatibility.clear()  # noqa: SLF001 - as if it had never been asked
    place.servers.mark_unhealthy(there, Failure(FailureCode.SERVER_UNREACHABLE, "gone"))
    assert place.fit(place.need(lora="gouache")) is Fit.AWAY
    assert place.fit(place.need(lora="ink")) is Fit.POSSIBLE
    assert place.fit(place.need()) is Fit.POSSIBLE
    assert place.servers.why_away(place.workflow, place.need(lora="ink")) is None
    place.servers.close()


def test_what_a_server_rendered_last_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it got a job of this process; again after it was away."""
    asked: list[int] = []
    graph = {"1": {"inputs": {"ckpt_name": "b.safetensors"}}, "2": "damaged"}

    def last_graph(_client: ServerClient) -> dict[str, object]:
        asked.append(1)
        if len(asked) > 1:
            raise ServerError("gone")
        return dict(graph)

    monkeypatch.setattr(ServerClient, "last_graph", last_graph)
    servers, _ = pool(monkeypatch, set())
    assert fit(servers, B) is Fit.LOADED
    assert fit(servers, A) is Fit.POSSIBLE
    give(servers, A)
    assert fit(servers, A) is Fit.LOADED
    assert len(asked) == 1
    servers.servers[0].forget_compatibility()
    assert fit(servers, A) is Fit.POSSIBLE
    assert fit(servers, A) is Fit.POSSIBLE
    assert len(asked) == 2
    plain, _ = pool(monkeypatch, set(), prefers_loaded=False)
    assert fit(plain, A) is Fit.POSSIBLE
    assert len(asked) == 2


def test_times_are_kept_where_they_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By the pool that is closed; without affinity nothing is written."""
    monkeypatch.setattr(Server, "compatibility", lambda *_: None)
    for prefers_loaded in (False, True):
        file = tmp_path / f"{prefers_loaded}.json"
        servers = ServerPool(
            [ServerAddress("http://s0:1")],
            ManualClock(),
            times_file=file,
            prefers_loaded=prefers_loaded,
        )
        slot = servers.acquire(A, need(A), NEVER).unwrap()
        servers.learn(slot, 4.0)
        servers.release(slot)
        servers.close()
        assert file.exists() == prefers_loaded
    assert read_times(tmp_path / "True.json").rows() != []
