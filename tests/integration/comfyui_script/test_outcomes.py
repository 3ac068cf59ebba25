"""Each way in which a script can end has its own failure."""

from __future__ import annotations

import json
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.system_clock import SystemClock
from domain.breaker import signature
from domain.brief import ImageBrief
from domain.brief_parser import parse_brief
from domain.brief_paths import BriefPath, PathField
from domain.failure import FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from domain.failure import Failure
    from tests.integration.comfyui_script.conftest import Bench, Make


@pytest.mark.parametrize(
    ("script", "code", "word"),
    [
        ("fails.py", FailureCode.WORKFLOW_FAILED, "exit code 1"),
        ("killed.py", FailureCode.WORKFLOW_KILLED, "SIGKILL"),
        ("no_comfy.py", FailureCode.COMFYUI_IMPORT, "'comfy'"),
        ("out_of_memory.py", FailureCode.OUT_OF_MEMORY, "memory"),
        ("connection_refused.py", FailureCode.CONNECTION_REFUSED, "server"),
        ("disk_full.py", FailureCode.DISK_FULL, "disk space"),
        ("other_arguments.py", FailureCode.ARGUMENTS_REJECTED, "--prompt"),
        ("not_there.py", FailureCode.SCRIPT_MISSING, "not_there.py"),
    ],
)
def test_each_failure_has_its_code(bench: Bench, script: str, code: FailureCode, word: str) -> None:
    """Real scripts with real error output."""
    failure = bench.run(script).failure()
    assert failure.code is code
    assert word in failure.message


BROKEN_INSTALLATIONS = {
    "missing_model": FailureCode.MODEL_MISSING,
    "missing_file": FailureCode.MODEL_MISSING,
    "missing_node": FailureCode.NODE_MISSING,
    "value_not_in_list": FailureCode.MODEL_MISSING,
    "corrupt_safetensors": FailureCode.MODEL_BROKEN,
    "corrupt_pickle": FailureCode.MODEL_BROKEN,
    "corrupt_zip": FailureCode.MODEL_BROKEN,
    "no_cuda": FailureCode.GPU_UNAVAILABLE,
    "no_gpu": FailureCode.GPU_UNAVAILABLE,
    "no_driver": FailureCode.GPU_UNAVAILABLE,
    "old_export": FailureCode.EXPORT_OUTDATED,
    "no_module": FailureCode.COMFYUI_IMPORT,
    "open_files": FailureCode.TOO_MANY_OPEN_FILES,
    "mps_buffer": FailureCode.OUT_OF_MEMORY,
    "cudnn": FailureCode.OUT_OF_MEMORY,
    "unknown": FailureCode.WORKFLOW_FAILED,
}


@pytest.mark.parametrize("fault", BROKEN_INSTALLATIONS)
def test_missing_parts_of_an_installation_are_recognized(bench: Bench, fault: str) -> None:
    """By an export's real traceback."""
    failure = bench.run("broken_install.py", extra_arguments=(f"--fault={fault}",)).failure()
    assert failure.code is BROKEN_INSTALLATIONS[fault]
    assert "Traceback" in failure.detail


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("sd15.safetensors", FailureCode.BRIEF_VALUE),
        ("sd15", FailureCode.MODEL_MISSING),
        (None, FailureCode.MODEL_MISSING),
    ],
)
def test_a_missing_model_named_by_the_brief_is_the_briefs_fault(
    bench: Bench, named: str | None, code: FailureCode
) -> None:
    """Other prompts of the workflow continue; a missing default model is a configuration error."""
    path = BriefPath.parse("technical_params.checkpoint")
    content = {"prompt": "a lake", "technical_params": {"checkpoint": named}}
    brief = parse_brief(Kind.IMAGE, json.dumps(content)).unwrap()
    failure = bench.run(
        "broken_install.py",
        change=lambda job: replace(job, brief=brief),
        extra_arguments=("--fault=missing_model",),
        paths={path.text: PathField(path, default="sd15.safetensors")},
    ).failure()
    assert failure.code is code
    assert ("technical_params.checkpoint" in failure.message) == (code is FailureCode.BRIEF_VALUE)
    assert "'sd15.safetensors' not found" in failure.summary


def test_equal_errors_of_two_prompts_have_one_signature(bench: Bench) -> None:
    """Addresses, folders, numbers and prompt texts are ignored."""

    def run(prompt: str) -> Failure:
        return bench.run(
            "broken_install.py",
            change=lambda job: replace(job, brief=ImageBrief(prompt=prompt)),
            extra_arguments=("--fault=unknown",),
        ).failure()

    failures = [run(prompt) for prompt in ("A lake at dawn", 'Two "foxes"\nin snow', "noir")]
    assert len({failure.words for failure in failures}) == 3
    assert len({signature(failure) for failure in failures}) == 1


def test_the_output_of_a_script_without_files_is_kept(bench: Bench) -> None:
    """Its end explains why there are no usable files."""
    assert bench.run("good.py").unwrap().detail() == "done"


def test_too_many_open_files_at_the_start_is_recognized(
    bench: Bench,
) -> None:
    """It is the machine's limit, not the interpreter."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open("rb") as probe:
        highest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
    try:
        result = bench.run("good.py")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert result.failure().code is FailureCode.TOO_MANY_OPEN_FILES


@pytest.mark.parametrize("code", [1, 2, 3, 255])
def test_exit_code_and_error_output_are_reported(bench: Bench, code: int) -> None:
    """Exit code 2 alone does not mean argparse."""
    failure = bench.run("exits.py", extra_arguments=(f"--code={code}",)).failure()
    assert failure.code is FailureCode.WORKFLOW_FAILED
    assert f"exit code {code}" in failure.message
    assert failure.detail == "about to end"


def test_success_reports_how_it_was_made(bench: Bench) -> None:
    """Renderer, script name, run time; seed and size only if they were passed."""
    facts = bench.run("good.py").unwrap()
    assert (facts.renderer, facts.workflow) == ("script", "good.py")
    assert 0 < facts.seconds < 30
    assert not facts.seed_used
    assert not facts.size_used
    assert facts.prompt_used
    names = {"output": "--output", "seed": "-s", "width": "-w", "height": "-h"}
    arguments = {field: (name,) for field, name in names.items()}
    told = bench.run(
        "argv_dump.py", arguments=arguments, renderer="sketch", allow_unused_prompt=True
    ).unwrap()
    assert told.renderer == "sketch"
    assert told.seed_used
    assert told.size_used
    assert not told.prompt_used


@pytest.mark.parametrize("field", ["prompt", "output"])
def test_a_mapping_without_prompt_or_output_is_refused(
    bench: Bench, make: Make, field: str
) -> None:
    """Before and by a job; nothing is started."""
    arguments = {"prompt": "--prompt", "output": "--output"}
    del arguments[field]
    flow = make("good.py", arguments=arguments)
    preflight = ScriptRenderer({(Kind.IMAGE, ""): flow}, SystemClock()).preflight(Kind.IMAGE)
    assert preflight == bench.run("good.py", arguments=arguments).failure()
    assert preflight.code is FailureCode.MAPPING_INCOMPLETE
    assert bench.watch.workflows == []


def test_a_song_has_no_size(bench: Bench) -> None:
    """Audio is made from lyrics and tags."""
    facts = bench.run("good.py", kind=Kind.AUDIO).unwrap()
    assert not facts.size_used
    assert (bench.job.output / "generated_song.wav").exists()


def test_undecodable_bytes_are_tolerated(bench: Bench) -> None:
    """Invalid UTF-8, NUL and lone surrogates are shown as well as possible."""
    failure = bench.run("invalid_utf8.py").failure()
    assert failure.code is FailureCode.WORKFLOW_FAILED
    assert failure.detail == " caf\ufffd \ufffd\nlast words \ufffd"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("interpreter", FailureCode.INTERPRETER_MISSING),
        ("script", FailureCode.SCRIPT_MISSING),
        ("working_directory", FailureCode.COMFYUI_MISSING),
    ],
)
def test_missing_files_are_detected_before_and_by_a_job(
    bench: Bench, make: Make, field: str, code: FailureCode
) -> None:
    """Preflight and render agree."""
    missing: dict[str, Any] = {field: bench.folder / "not-there"}
    preflight = ScriptRenderer(
        {(Kind.IMAGE, "draft"): make("good.py", **missing)}, SystemClock()
    ).preflight(Kind.IMAGE, "draft")
    assert preflight is not None
    assert preflight.code is code
    assert str(bench.folder / "not-there") in preflight.message
    assert ('image script "draft"' in preflight.message) == (field == "script")
    assert bench.run("good.py", **missing).failure().code is code


@pytest.mark.parametrize("content", ["", "no program at all", "#!/not/there\n"])
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_broken_interpreter_is_an_environment_failure(
    bench: Bench, content: str, mode: int
) -> None:
    """Not executable, not a program, or a script whose own interpreter is missing."""
    fake = bench.folder / "python"
    fake.write_text(content)
    fake.chmod(mode)
    failure = bench.run("good.py", interpreter=fake).failure()
    assert failure.code is FailureCode.INTERPRETER_MISSING
    assert str(fake) in failure.message


def test_arguments_can_be_too_long_together(bench: Bench) -> None:
    """E2BIG is that prompt's own failure, not the environment's."""
    brief = ImageBrief(prompt="x" * 130_000)
    failure = bench.run(
        "good.py",
        change=lambda job: replace(job, brief=brief),
        extra_arguments=("{prompt}",) * 60,
    ).failure()
    assert failure.code is FailureCode.ARGUMENT_TOO_LONG


def test_a_shell_can_be_the_interpreter(bench: Bench) -> None:
    """Any program that runs a file will do."""
    script = bench.folder / "flow.sh"
    script.write_text('for last; do :; done\necho hello > "$last/made"\n')
    result = bench.run(script, interpreter=Path("/bin/sh"), extra_arguments=("{output}",))
    assert result.unwrap().workflow == "flow.sh"
    assert bench.left("made") == "hello\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere pipes cannot be made larger")
def test_the_end_of_the_output_is_read_however_long_it_is(bench: Bench) -> None:
    """A pipe holds more than one read returns; the script ends while most of it is unread."""
    script = bench.folder / "flow.py"
    script.write_text(
        "import fcntl, os\n"
        "fcntl.fcntl(2, fcntl.F_SETPIPE_SZ, 1 << 20)\n"
        "os.write(2, b'x\\n' * 300_000 + b'last words')\n"
        "os._exit(1)\n"
    )
    assert bench.run(script).failure().detail.endswith("last words")
