"""The doctor's checks find problems by trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_script.doctor import ScriptChecks, run_probe
from adapters.system_clock import SystemClock
from application.ports.doctor import Check, CheckStatus
from domain.prompt import Kind

if TYPE_CHECKING:
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from tests.integration.comfyui_script.conftest import Make


@pytest.fixture
def comfy(tmp_path: Path) -> Path:
    """A folder that looks like ComfyUI."""
    for name in ("main.py", "nodes.py", "folder_paths.py"):
        (tmp_path / name).touch()
    (tmp_path / "comfy").mkdir()
    (tmp_path / "comfy" / "__init__.py").touch()
    return tmp_path


def checks(workflow: ScriptWorkflow) -> dict[str, Check]:
    """The checks by subject."""
    examined = ScriptChecks({(Kind.IMAGE, ""): workflow}, SystemClock())
    return {check.subject: check for check in examined.checks()}


def test_a_valid_installation(make: Make, comfy: Path) -> None:
    """Two kinds that share an interpreter have one line for it."""
    both = {(kind, ""): make("good.py", kind) for kind in Kind}
    found = list(ScriptChecks(both, SystemClock()).checks())
    assert {check.status for check in found} == {CheckStatus.OK}
    assert [check.subject for check in found] == [
        "interpreter",
        "ComfyUI directory",
        "image script",
        "import comfy",
        "image script arguments",
        "audio script",
        "import comfy",
        "audio script arguments",
    ]


def test_missing_files_are_errors_with_a_remedy(make: Make, tmp_path: Path) -> None:
    """Interpreter, directory and script."""
    gone = tmp_path / "gone"
    found = checks(make("good.py", interpreter=gone, working_directory=gone, script=gone))
    for subject in ("interpreter", "ComfyUI directory", "image script"):
        assert found[subject].status is CheckStatus.ERROR
        assert str(gone) in found[subject].finding
        assert found[subject].remedy
    assert "image script arguments" not in found


@pytest.mark.parametrize(
    ("content", "mode"), [("#!/bin/sh\nexit 3\n", 0o755), ("", 0o755), ("#!/bin/sh\n", 0o644)]
)
def test_an_interpreter_that_does_not_run_is_an_error(
    make: Make, tmp_path: Path, content: str, mode: int
) -> None:
    """It is really started."""
    fake = tmp_path / "python"
    fake.write_text(content)
    fake.chmod(mode)
    assert checks(make("good.py", interpreter=fake))["interpreter"].status is CheckStatus.ERROR


def test_a_folder_without_comfyui_is_a_warning(make: Make) -> None:
    """The scripts may work all the same."""
    found = checks(make("good.py"))
    assert found["ComfyUI directory"].status is CheckStatus.WARNING
    assert found["import comfy"].status is CheckStatus.WARNING


def test_the_sketch_needs_no_comfyui(make: Make) -> None:
    """Its scripts are checked, ComfyUI is not."""
    found = checks(make("good.py", renderer="sketch"))
    assert "ComfyUI directory" not in found
    assert {check.status for check in found.values()} == {CheckStatus.OK}


def test_arguments_that_the_script_does_not_list_are_reported(make: Make, comfy: Path) -> None:
    """An export with its own argument names."""
    found = checks(make("other_arguments.py"))["image script arguments"]
    assert found.status is CheckStatus.WARNING
    assert found.finding.endswith("know --prompt, --negative-prompt")
    mapped = make("other_arguments.py", arguments={"prompt": ("--text4",), "output": ("-o",)})
    assert checks(mapped)["image script arguments"].status is CheckStatus.OK


EXPORT = Path(__file__).parents[2] / "acceptance" / "scripts" / "exported_image.py"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, CheckStatus.OK, "accepts all of its arguments"),
        ({"configured": {"prompt": ()}}, CheckStatus.ERROR, "is not given the prompt"),
        (
            {"configured": {"prompt": ()}, "allow_unused_prompt": True},
            *(CheckStatus.WARNING, '"prompt_passed": false'),
        ),
        ({"configured": {"output": ()}}, CheckStatus.ERROR, "not given the output folder"),
        (
            {"extra_arguments": ("--", "--cpu", "--output-dir=/tmp")},
            *(CheckStatus.WARNING, "--output-dir behind '--'"),
        ),
        ({"extra_arguments": ("--rand=increment",)}, CheckStatus.WARNING, "draws its own seed"),
        (
            {"extra_arguments": ("--", "--rand=increment")},
            CheckStatus.OK,
            "accepts all of its arguments",
        ),
        ({"queue_size": 3}, CheckStatus.OK, "accepts all of its arguments"),
        ({"configured": {"mood": ("--mood",)}}, CheckStatus.WARNING, "does not know --mood"),
    ],
)
def test_problems_in_the_source_of_an_export_are_reported(
    make: Make, comfy: Path, changes: dict[str, Any], status: CheckStatus, words: str
) -> None:
    """Each with its remedy, and no check is OK then."""
    configured = changes.pop("configured", {})
    mapping = {"arguments": configured, "configured": frozenset(configured)}
    examined = ScriptChecks({(Kind.IMAGE, ""): make(EXPORT, **mapping, **changes)}, SystemClock())
    [check] = [check for check in examined.checks() if check.subject == "image script arguments"]
    assert check.status is status
    assert words in check.finding
    assert bool(check.remedy) == (status is not CheckStatus.OK)


def fields(workflow: ScriptWorkflow, kind: Kind = Kind.IMAGE) -> list[str]:
    """The report about each field."""
    examined = ScriptChecks({(kind, ""): workflow}, SystemClock()).checks()
    return [check.finding for check in examined if check.subject == f"{kind.value} fields"]


def test_an_old_export_of_a_song_must_be_exported_again(
    make: Make, comfy: Path, tmp_path: Path
) -> None:
    """It writes elsewhere, so every song would be lost; pictures of such exports are fine."""
    checks: list[Check] = []
    for kind in Kind:
        workflow = make(EXPORT, kind, arguments={"lyrics": ("--text5",)}, configured={"lyrics"})
        checks += ScriptChecks({(kind, ""): workflow}, SystemClock()).checks()
    found = [check for check in checks if check.subject.endswith("arguments")]
    assert [check.status for check in found] == [CheckStatus.OK, CheckStatus.WARNING]
    assert "writes songs to ComfyUI's own output folder" in found[1].finding
    assert "before July 2026" in found[1].remedy


def test_each_field_of_an_export_is_shown_with_its_node(make: Make, comfy: Path) -> None:
    """By the editor's titles, which may contain anything; unused fields are shown too."""
    found = fields(make(EXPORT))
    assert "prompt: --text4, text of node 6 (\"Positive (50% 'id 7')\")" in found
    assert "seed: --seed9, seed of node 3 ('Sampler')" in found
    assert any(line.startswith("nothing takes style_tags, aspect_ratio") for line in found)
    changed = make(EXPORT, arguments={"mood": ("--text5",)}, configured={"mood", "width"})
    found = fields(changed)
    assert "mood: --text5, text of node 7 ('Negative')" in found
    assert not any(line.startswith(("negative_prompt", "width")) for line in found)
    assert fields(make("good.py")) == []


def test_a_field_that_an_export_cannot_use_is_explained(make: Make, tmp_path: Path) -> None:
    """The remedy is a new export with that argument."""
    script = tmp_path / "flow.py"
    script.write_text(EXPORT.read_text().replace("input `seed` for", "another"))
    [line] = [line for line in fields(make(script)) if line.startswith("seed")]
    assert line == (
        "seed: goes nowhere, seed of node 3 ('Sampler') takes it, but the export has no argument"
        " for that input"
    )


def test_pictures_that_overwrite_each_other_are_reported(make: Make, tmp_path: Path) -> None:
    """Two nodes save to one ``output.png``."""
    script = tmp_path / "flow.py"
    text = EXPORT.read_text()
    second = """ "10": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},"""
    script.write_text(text.replace('    \' "9":', f"    '{second}'\n    ' \"9\":"))
    found = checks(make(script))["image script arguments"]
    assert found.status is CheckStatus.WARNING
    assert "node 10 ('SaveImage') and node 9 ('Save Image') under one name" in found.finding


def test_another_comfyui_that_the_script_would_use_is_reported(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export searches parent folders for that name, and Python the script's folder first."""
    home = tmp_path / "ComfyUI" / "mine"
    for folder in (home, tmp_path / "scripts"):
        (folder / "comfy").mkdir(parents=True)
        (folder / "comfy" / "__init__.py").touch()
    for name in ("nodes.py", "folder_paths.py", "main.py"):
        (home / name).touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "scripts"))
    found = list(
        ScriptChecks(
            {(Kind.IMAGE, ""): make(EXPORT, working_directory=home)}, SystemClock()
        ).checks()
    )
    [imports] = [check for check in found if check.subject == "import comfy"]
    assert imports.status is CheckStatus.OK
    assert str(tmp_path / "ComfyUI") in found[3].finding
    script = tmp_path / "scripts" / "flow.py"
    script.write_text(EXPORT.read_text())
    imports = checks(make(script, working_directory=home))["import comfy"]
    assert imports.status is CheckStatus.WARNING
    assert f"from {tmp_path / 'scripts' / 'comfy'}" in imports.finding


def test_a_comfyui_of_symbolic_links_is_accepted(
    make: Make, comfy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its folder may have any name, and contain only links."""
    linked = tmp_path_factory.mktemp("my comfy, v2")
    for entry in comfy.iterdir():
        (linked / entry.name).symlink_to(entry)
    found = checks(make(EXPORT, working_directory=linked))
    assert found["import comfy"].status is CheckStatus.OK
    whole = linked / "whole"
    whole.symlink_to(comfy)
    assert checks(make(EXPORT, working_directory=whole))["import comfy"].status is CheckStatus.OK


def test_an_unused_script_need_not_exist(make: Make, tmp_path: Path) -> None:
    """Users who only render pictures get no error about songs."""
    missing = {(Kind.AUDIO, ""): make(tmp_path / "audio_workflow.py", Kind.AUDIO)}
    unset = frozenset({(Kind.AUDIO, "")})
    *_, check = ScriptChecks(missing, SystemClock(), unset).checks()
    assert check.status is CheckStatus.OK
    assert "media.scripts.music is not set" in check.finding
    *_, check = ScriptChecks(missing, SystemClock()).checks()
    assert check.status is CheckStatus.ERROR


@pytest.mark.parametrize("source", ["def broken(:", "\0", "("])
def test_a_script_that_does_not_compile_is_an_error(
    make: Make, tmp_path: Path, source: str
) -> None:
    """Checked with the configured interpreter, since versions differ in syntax."""
    script = tmp_path / "flow.py"
    script.write_text(source)
    assert checks(make(script))["image script"].status is CheckStatus.ERROR
    newer = make(script, interpreter=Path("/bin/echo"))
    assert checks(newer)["image script"].status is CheckStatus.OK


def test_a_hanging_program_is_not_waited_for(tmp_path: Path) -> None:
    """The check has a time limit."""
    result = run_probe(("/bin/sh", "-c", "sleep 60"), tmp_path, 0.2, SystemClock())
    assert result.text == ""
    assert "0.2 seconds" in result.problem


def test_a_check_that_cannot_run_is_explained(make: Make) -> None:
    """The directory was deleted in the meantime."""
    gone = replace(make("good.py"), working_directory=Path("/not-there"))
    assert "could not be started" in checks(gone)["import comfy"].finding
