"""The checklist finds what is wrong by trying it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_script.health import ScriptProbe
from adapters.comfyui_script.inquiry import ask
from adapters.system_clock import SystemClock
from application.ports.health import Check, Health
from domain.kind import Kind

if TYPE_CHECKING:
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from tests.integration.comfyui_script.conftest import Make


@pytest.fixture
def comfy(tmp_path: Path) -> Path:
    """A folder that looks like ComfyUI."""
    (tmp_path / "main.py").touch()
    (tmp_path / "comfy").mkdir()
    (tmp_path / "comfy" / "__init__.py").touch()
    return tmp_path


def checks(workflow: ScriptWorkflow) -> dict[str, Check]:
    """The checklist by subject."""
    probe = ScriptProbe({Kind.IMAGE: workflow}, SystemClock())
    return {check.subject: check for check in probe.checks()}


def test_all_is_well_where_all_is_well(make: Make, comfy: Path) -> None:
    """Two kinds that share an interpreter are one line there."""
    both = {kind: make("good.py", kind) for kind in Kind}
    found = list(ScriptProbe(both, SystemClock()).checks())
    assert {check.health for check in found} == {Health.WELL}
    assert [check.subject for check in found] == [
        "interpreter",
        "ComfyUI directory",
        "import comfy",
        "image script",
        "image script arguments",
        "audio script",
        "audio script arguments",
    ]


def test_what_is_missing_is_broken_and_says_what_to_do(make: Make, tmp_path: Path) -> None:
    """Interpreter, directory and script, each with its remedy."""
    gone = tmp_path / "gone"
    found = checks(make("good.py", interpreter=gone, working_directory=gone, script=gone))
    for subject in ("interpreter", "ComfyUI directory", "image script"):
        assert found[subject].health is Health.BROKEN
        assert str(gone) in found[subject].finding
        assert found[subject].remedy
    assert "image script arguments" not in found


@pytest.mark.parametrize(
    ("content", "mode"), [("#!/bin/sh\nexit 3\n", 0o755), ("", 0o755), ("#!/bin/sh\n", 0o644)]
)
def test_an_interpreter_that_does_not_run_is_broken(
    make: Make, tmp_path: Path, content: str, mode: int
) -> None:
    """It is really started."""
    fake = tmp_path / "python"
    fake.write_text(content)
    fake.chmod(mode)
    assert checks(make("good.py", interpreter=fake))["interpreter"].health is Health.BROKEN


def test_a_folder_without_comfyui_deserves_a_look(make: Make) -> None:
    """Scripts may work all the same, so it is a warning."""
    found = checks(make("good.py"))
    assert found["ComfyUI directory"].health is Health.WARNING
    assert found["import comfy"].health is Health.WARNING


def test_the_sketch_needs_no_comfyui(make: Make) -> None:
    """Its scripts are looked at, ComfyUI is not."""
    found = checks(make("good.py", renderer="sketch"))
    assert "ComfyUI directory" not in found
    assert {check.health for check in found.values()} == {Health.WELL}


def test_arguments_that_the_script_does_not_list_are_named(make: Make, comfy: Path) -> None:
    """An export that names its arguments in its own way."""
    found = checks(make("other_arguments.py"))["image script arguments"]
    assert found.health is Health.WARNING
    assert found.finding.endswith("list --prompt, --negative-prompt")
    mapped = make("other_arguments.py", arguments={"prompt": "--text4", "output": "-o"})
    assert checks(mapped)["image script arguments"].health is Health.WELL


@pytest.mark.parametrize("source", ["def broken(:", "\0", "("])
def test_a_script_that_does_not_compile_deserves_a_look(
    make: Make, tmp_path: Path, source: str
) -> None:
    """A newer interpreter may know more, so it is a warning."""
    script = tmp_path / "flow.py"
    script.write_text(source)
    found = checks(make(script))
    assert found["image script"].health is Health.WARNING
    assert found["image script arguments"].health is Health.WARNING


def test_a_program_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    """The question has a time limit."""
    reply = ask(("/bin/sh", "-c", "sleep 60"), tmp_path, 0.2, SystemClock())
    assert reply.text == ""
    assert "0.2 seconds" in reply.trouble


def test_a_question_that_cannot_be_asked_says_why(make: Make) -> None:
    """A directory that is gone in the meantime."""
    gone = replace(make("good.py"), working_directory=Path("/not-there"))
    assert "could not be started" in checks(gone)["import comfy"].finding
