"""What doctor finds out about servers and workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from returns.result import Failure as Refused

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.health import ServerProbe
from application.ports.health import Check, Health
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from tests.integration.comfyui_server.worlds import workflows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.comfyui_server.conftest import Stage


def checks(folder: Path, *servers: ServerAddress) -> dict[str, Check]:
    """The checklist by subject."""
    return {check.subject: check for check in ServerProbe(workflows(folder), servers).checks()}


def test_a_server_that_is_well_tells_what_it_is(stage: Stage) -> None:
    """Its version, its device, and the memory that is free; workflows are examined."""
    double = stage.double()
    found = checks(stage.folder / "flows", ServerAddress(double.url))
    assert [check.health for check in found.values()] == [Health.WELL] * 3
    line = found[f"ComfyUI {double.url}"].finding
    assert line == "ComfyUI 0.3.64, cuda:0 The Double with 20.0 of 24.0 GiB free"
    assert found["image workflow"].finding == f"flow.json can be run by {double.url}"
    assert double.jobs == []


def test_a_server_that_is_not_there_is_broken(stage: Stage) -> None:
    """The line says why; the workflows can at least be read."""
    double = stage.double()
    double.stop()
    found = checks(stage.folder / "flows", ServerAddress(double.url))
    line = found[f"ComfyUI {double.url}"]
    assert line.health is Health.BROKEN
    assert "connection refused" in line.finding
    assert "main.py" in line.remedy
    assert found["image workflow"].health is Health.WARNING


def test_a_missing_model_is_found(stage: Stage) -> None:
    """Before any prompt needs it."""
    double = stage.double(models=[])
    line = checks(stage.folder / "flows", ServerAddress(double.url))["image workflow"]
    assert line.health is Health.BROKEN
    assert "tiny-random-sd15.safetensors" in line.finding
    assert "models/checkpoints" in line.finding


def test_a_password_is_not_shown(stage: Stage) -> None:
    """The address is shown without it."""
    double = stage.double()
    address = ServerAddress(double.url.replace("//", "//me:secret@"))
    found = checks(stage.folder / "flows", address)
    assert "secret" not in repr(found)
    assert double.requests[0].headers["authorization"].startswith("Basic ")


def test_a_workflow_that_cannot_be_read_is_broken(stage: Stage) -> None:
    """Its own failure is the finding."""
    failure = Failure(FailureCode.WORKFLOW_UNUSABLE, "flow.json is not JSON")
    probe = ServerProbe({Kind.IMAGE: lambda: Refused(failure)}, [])
    assert [check.finding for check in probe.checks()] == [failure.message]
