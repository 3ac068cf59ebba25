"""A named workflow that cannot run: named by every command, with a worker and without one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from entrypoints.cli.invocation import ExitCode

if TYPE_CHECKING:
    from tests.command_line import CommandLine
    from tests.databases import Poet

SKETCH = {"image": "sketch", "audio": "sketch"}
WORKFLOWS = [
    {"name": "ink", "renderer": "script", "script": "ink.py", "when": {"style": "ink"}},
    {"name": "plain"},
]
INK = json.dumps({"prompt": "a fox", "style_tags": ["ink"]})
PLAIN = json.dumps({"prompt": "a fox"})
REASON = "script_missing"


@pytest.fixture
def installation(shell: CommandLine) -> CommandLine:
    """Two workflows for pictures; the script of one is not there."""
    (shell.home / "out").mkdir(mode=0o755)
    (shell.home / "main.py").touch()
    (shell.home / "comfy").mkdir()
    (shell.home / "media_generator_config.json").write_text(
        json.dumps(
            {
                "comfyui": {
                    "python": sys.executable,
                    "comfyui_directory": str(shell.home),
                    "output_directory": str(shell.home / "out"),
                },
                "media": {
                    "renderer": SKETCH,
                    "workflows": {"image": WORKFLOWS},
                    "size": {"megapixels": 0.05},
                },
            }
        )
    )
    return shell


def held(shell: CommandLine) -> list[dict[str, Any]]:
    """What the status says of workflows that cannot run."""
    broken = shell.json("status")["broken"]
    assert isinstance(broken, list)
    return broken


@pytest.mark.slow
def test_a_workflow_that_cannot_run_is_named_after_the_last_worker_ended(
    installation: CommandLine, poet: Poet
) -> None:
    """By the run, the status, the prompt and the doctor; the next run that can forgets it."""
    assert held(installation) == []
    poet.write(INK)
    poet.write(PLAIN)
    ended = installation.run("run")
    assert ended.returncode == ExitCode.ENVIRONMENT
    assert "1 ready" in ended.stdout
    [hold] = held(installation)
    assert (hold["workflow"], hold["code"], hold["worker"]) == ("ink", REASON, None)
    assert hold["prompts"] == [1]
    for name in ("status", "doctor"):
        assert "1 pending prompt waits for it: 1" in installation.run(name).stdout
    assert "whole queue:" not in installation.run("status").stdout  # nothing would be rendered
    said = 'image prompts of the workflow "ink" have been held back since'
    for command in (("status",), ("show", "1")):
        assert said in installation.run(*command).stdout
        assert REASON in installation.run(*command).stdout
    assert said not in installation.run("show", "2").stdout
    assert installation.json("show", "1")["broken"]["code"] == REASON
    # The script appears, and is used; a worker finds that, although nothing of it waits.
    (installation.home / "ink.py").write_text(
        "import sys; sys.exit(0 if '--help' in sys.argv else 7)"
    )
    poet.execute("UPDATE prompts SET artifact_status = 'error' WHERE id = 1")
    poet.write(PLAIN)
    assert installation.run("run").returncode == ExitCode.DONE
    assert held(installation) == []


@pytest.mark.slow
def test_a_workflow_of_which_nothing_waits_is_no_trouble_of_the_run(
    installation: CommandLine, poet: Poet
) -> None:
    """Although other prompts of its kind are left, which wait for the next run."""
    poet.write(PLAIN)
    poet.write(PLAIN)
    ended = installation.run("run", "--limit", "1")
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, "")
    assert [hold["prompts"] for hold in held(installation)] == [[]]


def test_the_doctor_says_what_would_run_and_what_would_wait(installation: CommandLine) -> None:
    """One workflow of several is no reason for 'mediagen run' to fail; the only one is."""
    checked = installation.run("doctor")
    line = next(line for line in checked.stdout.splitlines() if "ink.py" in line)
    assert line.startswith("warning image script")
    assert "its prompts wait, those of other workflows do not" in line
    assert checked.stdout.splitlines()[-1].startswith(
        'ready to run all but the image workflow "ink"'
    )
    assert checked.returncode == ExitCode.DONE
    document = json.loads(installation.run("doctor", "--json").stdout)
    assert document["held"] == [{"kind": "image", "workflow": "ink"}]
    (installation.home / "media_generator_config.json").write_text(
        (installation.home / "media_generator_config.json")
        .read_text()
        .replace('{"name": "plain"}', '{"name": "plain", "renderer": "script", "script": "no.py"}')
    )
    checked = installation.run("doctor")
    assert checked.stdout.splitlines()[-1].startswith("2 errors")
    assert "'mediagen run' would fail" in checked.stdout
    assert checked.returncode == ExitCode.SOME_FAILED
