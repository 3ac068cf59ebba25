"""The environment of a script: complete arguments, working directory, and no input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script.workflow import ArgumentStyle
from domain.brief import ImageBrief
from domain.failure import FailureCode
from tests.contract.media_renderer_contract import RecordingContext

if TYPE_CHECKING:
    from application.ports.media_renderer import RenderJob
    from tests.integration.comfyui_script.conftest import Bench

HOSTILE = [
    "--output=/etc",
    "-x",
    "--help",
    "a" * 100_000,
    "two\nlines\r\nand\ttabs",
    "$(touch /tmp/x) `id` ; rm -rf / | & > < * ? ~ ! \\ ' \"",
    "湖の夜明け 🏔️ ä́ \u202e right to left",
    "{output} {seed} %s %(x)s",
    "",
    " leading and trailing ",
]


def with_brief(prompt: str) -> Any:  # noqa: ANN401 - a change of a job
    """Set the job's brief."""

    def change(job: RenderJob) -> RenderJob:
        return replace(job, brief=ImageBrief(prompt=prompt))

    return change


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("style", ArgumentStyle)
def test_a_hostile_prompt_arrives_unchanged(
    bench: Bench, prompt: str, style: ArgumentStyle
) -> None:
    """Byte for byte, as one argument."""
    assert is_successful(bench.run("argv_dump.py", change=with_brief(prompt), argument_style=style))
    words = json.loads(bench.left("argv.json"))["arguments"]
    output = str(bench.job.output)
    if style is ArgumentStyle.EQUALS:
        expected = [f"--prompt={prompt}", "--negative-prompt=", f"--output={output}"]
        assert words == [*expected, "--queue-size=1"]
    else:
        shielded = f" {prompt}" if prompt.startswith("-") else prompt
        expected = ["--prompt", shielded, "--negative-prompt", "", "--output", output]
        assert words == [*expected, "--queue-size", "1"]


def test_double_dashes_arrive_through_argparse(bench: Bench) -> None:
    """With a leading space, which keeps older versions of argparse from dropping them."""
    assert is_successful(bench.run("argv_dump.py", change=with_brief("--")))
    assert json.loads(bench.left("argv.json"))["arguments"][0] == "--prompt=-- "


def test_the_environment_is_as_in_the_contract(bench: Bench) -> None:
    """In the ComfyUI directory, without input, as the leader of its own group."""
    assert is_successful(bench.run("argv_dump.py"))
    facts = json.loads(bench.left("argv.json"))
    assert facts["directory"] == str(bench.folder.resolve())
    assert facts["input"] == ""
    assert facts["unbuffered"] == "1"
    assert facts["leads_its_group"]


def test_settings_of_mediagen_are_not_inherited(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script does not need them, and some are secrets."""
    monkeypatch.setenv("MEDIA_GENERATOR_WEB__TOKEN", "canary")
    assert is_successful(bench.run("argv_dump.py"))
    assert json.loads(bench.left("argv.json"))["ours"] == []


def test_progress_is_reported_while_the_script_runs(bench: Bench) -> None:
    """A bar's fractions and description, up to the end."""
    assert is_successful(bench.run("good.py"))
    assert bench.watch.reports[-1] == (1.0, "Sampling")
    fractions = [fraction for fraction, _ in bench.watch.reports if fraction is not None]
    assert fractions == sorted(fractions)


def test_a_script_does_not_read_our_standard_input(bench: Bench) -> None:
    """Waiting input stays there."""
    reading, writing = os.pipe()
    saved = os.dup(0)
    os.write(writing, b"typed by a person")
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    try:
        assert is_successful(bench.run("argv_dump.py"))
    finally:
        os.dup2(saved, 0)
        os.close(saved)
    assert json.loads(bench.left("argv.json"))["input"] == ""


def test_arguments_are_utf8_even_in_an_ascii_locale(tmp_path: Path) -> None:
    """A daemon may be started without a locale; arguments do not depend on it."""
    program = """
import sys
from pathlib import Path
from adapters.comfyui_script.doctor import run_probe
from adapters.system_clock import SystemClock
command = ("/bin/sh", "-c", 'printf %s "$1" > words', "sh", "\\u00e9t\\u00e9 \\u6e56")
sys.exit(run_probe(command, Path(sys.argv[1]), 20, SystemClock()).problem or None)
"""
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run(
        [sys.executable, "-c", program, tmp_path], env=os.environ | environment, check=True
    )
    assert (tmp_path / "words").read_bytes().decode() == "été 湖"


class Halfway(RecordingContext):
    """Requests a stop once half of the render is reported."""

    def must_stop(self) -> bool:
        return (0.5, "") in self.reports


def test_a_throttled_progress_bar_is_reported_during_silence(bench: Bench) -> None:
    """The newest step is reported without waiting for the next one, which may take minutes."""
    script = bench.folder / "flow.sh"
    bars = [rf"printf '\r {percent}%%|#| {percent}/100 [' >&2" for percent in (1, 50)]
    script.write_text("; sleep 0.02; ".join(bars) + "; exec sleep 60")
    bench.watch = Halfway()
    failure = bench.run(script, interpreter=Path("/bin/sh"), time_limit_seconds=10.0).failure()
    assert failure.code is FailureCode.INTERRUPTED
