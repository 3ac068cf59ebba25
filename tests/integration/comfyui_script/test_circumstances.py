"""What a script is given: its arguments whole, its directory, no input (fault 33)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script.workflow import ArgumentStyle
from domain.brief import ImageBrief

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


def saying(prompt: str) -> Any:  # noqa: ANN401 - a change of a job
    """Let a job say this."""

    def change(job: RenderJob) -> RenderJob:
        return replace(job, brief=ImageBrief(prompt=prompt))

    return change


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("style", ArgumentStyle)
def test_a_hostile_prompt_arrives_whole(bench: Bench, prompt: str, style: ArgumentStyle) -> None:
    """Byte for byte, in its own place."""
    assert is_successful(bench.run("argv_dump.py", change=saying(prompt), argument_style=style))
    words = json.loads(bench.left("argv.json"))["arguments"]
    output = str(bench.job.output)
    if style is ArgumentStyle.EQUALS:
        expected = [f"--prompt={prompt}", "--negative-prompt=", f"--output={output}"]
        assert words == [*expected, "--queue-size=1"]
    else:
        shielded = f" {prompt}" if prompt.startswith("-") else prompt
        expected = ["--prompt", shielded, "--negative-prompt", "", "--output", output]
        assert words == [*expected, "--queue-size", "1"]


def test_two_dashes_arrive_through_argparse(bench: Bench) -> None:
    """With the space that keeps older versions of argparse from dropping them."""
    assert is_successful(bench.run("argv_dump.py", change=saying("--")))
    assert json.loads(bench.left("argv.json"))["arguments"][0] == "--prompt=-- "


def test_the_circumstances_are_the_contracts(bench: Bench) -> None:
    """In the ComfyUI directory, without input, as the leader of its own group."""
    assert is_successful(bench.run("argv_dump.py"))
    facts = json.loads(bench.left("argv.json"))
    assert facts["directory"] == str(bench.folder.resolve())
    assert facts["input"] == ""
    assert facts["unbuffered"] == "1"
    assert facts["leads_its_group"]


def test_words_reach_a_script_whatever_our_own_locale(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the C locale too, text is passed as UTF-8."""
    monkeypatch.setenv("LC_ALL", "C")
    assert is_successful(bench.run("argv_dump.py", change=saying("été 湖")))
    assert json.loads(bench.left("argv.json"))["arguments"][0] == "--prompt=été 湖"


def test_progress_is_told_while_the_script_runs(bench: Bench) -> None:
    """A bar's fractions, with its description, up to the end."""
    assert is_successful(bench.run("good.py"))
    assert bench.watch.reports[-1] == (1.0, "Sampling")
    fractions = [fraction for fraction, _ in bench.watch.reports if fraction is not None]
    assert fractions == sorted(fractions)
