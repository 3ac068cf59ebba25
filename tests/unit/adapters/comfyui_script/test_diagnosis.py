"""The last lines of a script's output decide which failure it is, and no others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.diagnosis import diagnose
from domain.failure import Blame, FailureCode

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/comfy/flow.py", line 3, in <module>\n    main()\n'
)
LOGGED = (
    'Traceback (most recent call last):\n  File "/comfy/nodes.py", line 9, in load\n    load()\n'
)
CUDA = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total"
ALLOCATOR = (
    "torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)\n"
    "Currently allocated     : 9.97 GiB\nRequested               : 64.00 MiB\n"
    "Device limit            : 11.99 GiB\nFree (according to CUDA): 0 bytes\n"
    "PyTorch limit (set by user-supplied memory fraction)\n    : 17179869184.00 GiB"
)
URLLIB = (
    "urllib3.exceptions.NewConnectionError: refused\n\n"
    "During handling of the above exception, another exception occurred:\n\n"
)
REQUESTS = (
    "requests.exceptions.ConnectionError: HTTPConnectionPool(host='127.0.0.1', port=8188):"
    " Max retries exceeded with url: /prompt"
)


@pytest.mark.parametrize(
    ("stderr", "code"),
    [
        (TRACEBACK + "ModuleNotFoundError: No module named 'comfy'", FailureCode.COMFYUI_IMPORT),
        (TRACEBACK + "ImportError: cannot import name 'x' from 'y'", FailureCode.COMFYUI_IMPORT),
        ("/env/bin/python: No module named comfy", FailureCode.COMFYUI_IMPORT),
        (TRACEBACK + CUDA, FailureCode.OUT_OF_MEMORY),
        (TRACEBACK + ALLOCATOR, FailureCode.OUT_OF_MEMORY),
        (TRACEBACK + CUDA + "\n 5%|# | 1/20 [00:00<00:00]\n", FailureCode.OUT_OF_MEMORY),
        (TRACEBACK + "MemoryError", FailureCode.OUT_OF_MEMORY),
        (
            TRACEBACK + "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3 GiB",
            FailureCode.OUT_OF_MEMORY,
        ),
        (
            TRACEBACK + "RuntimeError: MPS backend out of memory (MPS allocated: 9 GB)",
            FailureCode.OUT_OF_MEMORY,
        ),
        (
            TRACEBACK + "RuntimeError: [enforce fail at alloc_cpu.cpp:114] . DefaultCPUAllocator:"
            " can't allocate memory: you tried to allocate 99 bytes.",
            FailureCode.OUT_OF_MEMORY,
        ),
        ("error: CUDA out of memory\nbye", FailureCode.OUT_OF_MEMORY),
        (TRACEBACK + "OSError: [Errno 28] No space left on device", FailureCode.DISK_FULL),
        (
            TRACEBACK + "ConnectionRefusedError: [Errno 111] Connection refused",
            FailureCode.CONNECTION_REFUSED,
        ),
        (TRACEBACK + URLLIB + TRACEBACK + REQUESTS, FailureCode.CONNECTION_REFUSED),
        ("connect ECONNREFUSED 127.0.0.1:8188", FailureCode.CONNECTION_REFUSED),
        (
            TRACEBACK + "torch.AcceleratorError: CUDA error: out of memory",
            FailureCode.OUT_OF_MEMORY,
        ),
        (TRACEBACK + "RuntimeError: Invalid buffer size: 24.31 GiB", FailureCode.OUT_OF_MEMORY),
        (
            TRACEBACK + "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
            FailureCode.OUT_OF_MEMORY,
        ),
        (
            TRACEBACK + "RuntimeError: FIND was unable to find an engine to execute this"
            " computation",
            FailureCode.OUT_OF_MEMORY,
        ),
        (
            TRACEBACK
            + "FileNotFoundError: Model in folder 'vae' with filename 'a b.pt' not found.",
            FailureCode.MODEL_MISSING,
        ),
        (
            TRACEBACK + 'FileNotFoundError: No such file or directory: "/m/a.safetensors"',
            FailureCode.MODEL_MISSING,
        ),
        (TRACEBACK + "FileNotFoundError: '/m/notes.txt'", FailureCode.WORKFLOW_FAILED),
        (
            "Failed to validate prompt\n  - Value not in list: lora_name: 'a' not in []",
            FailureCode.MODEL_MISSING,
        ),
        (
            TRACEBACK + "ValueError: Value not in list: sampler_name: 'res' not in ['euler']",
            FailureCode.GRAPH_REJECTED,
        ),
        (
            TRACEBACK + "safetensors_rust.SafetensorError: Error while deserializing header:"
            " MetadataIncompleteBuffer",
            FailureCode.MODEL_BROKEN,
        ),
        (
            TRACEBACK + "ValueError: Error while deserializing header: HeaderTooLarge\n\nFile path:"
            " /m/a.safetensors\n\nThe safetensors file is corrupt or invalid. Make sure this is"
            " actually a safetensors file and not a ckpt or pt or other filetype.",
            FailureCode.MODEL_BROKEN,
        ),
        (
            TRACEBACK + "_pickle.UnpicklingError: invalid load key, '\\x0a'.",
            FailureCode.MODEL_BROKEN,
        ),
        (
            TRACEBACK + "RuntimeError: PytorchStreamReader failed reading zip archive: not a ZIP",
            FailureCode.MODEL_BROKEN,
        ),
        (
            TRACEBACK + "AssertionError: Torch not compiled with CUDA enabled",
            FailureCode.GPU_UNAVAILABLE,
        ),
        (TRACEBACK + "RuntimeError: No CUDA GPUs are available", FailureCode.GPU_UNAVAILABLE),
        (
            TRACEBACK + "RuntimeError: Found no NVIDIA driver on your system. Please check",
            FailureCode.GPU_UNAVAILABLE,
        ),
        (
            TRACEBACK + "RuntimeError: The NVIDIA driver on your system is too old (found version"
            " 11040). Please update",
            FailureCode.GPU_UNAVAILABLE,
        ),
        (
            TRACEBACK + "torch.AcceleratorError: CUDA error: no kernel image is available for"
            " execution on the device\nCUDA kernel errors might be asynchronously reported at some"
            " other API call, so the stacktrace below might be incorrect.",
            FailureCode.GPU_UNAVAILABLE,
        ),
        (
            TRACEBACK + "NameError: name 'has_manager' is not defined. Did you mean: 'manager'?",
            FailureCode.EXPORT_OUTDATED,
        ),
        (TRACEBACK + "NameError: name 'hasManager' is not defined", FailureCode.WORKFLOW_FAILED),
        (TRACEBACK + "OSError: [Errno 24] Too many open files", FailureCode.TOO_MANY_OPEN_FILES),
        (TRACEBACK + "ValueError: no such sampler", FailureCode.WORKFLOW_FAILED),
        ("", FailureCode.WORKFLOW_FAILED),
    ],
)
def test_the_end_of_stderr_decides_the_failure(stderr: str, code: FailureCode) -> None:
    """Each known error has its own code."""
    assert diagnose(1, stderr).code is code


def test_the_module_that_is_missing_is_named() -> None:
    """The user learns what to install."""
    failure = diagnose(1, TRACEBACK + "ModuleNotFoundError: No module named 'torch.cuda'")
    assert "'torch.cuda'" in failure.message


NODE_FRAME = (
    'Traceback (most recent call last):\n  File "/comfy/flow.py", line 9, in <module>\n    main()\n'
    '    ~~~~^^\n  File "/comfy/flow.py", line 5, in main\n'
)


@pytest.mark.parametrize(
    "source",
    [
        '    loader = NODE_CLASS_MAPPINGS["NoSuchNode"]()\n',
        '    a = nodes.NODE_CLASS_MAPPINGS["NoSuchNode"]()\n        ~~~~~~~~~^^^^^^^^^^\n',
        "    samplers = [\n        NODE_CLASS_MAPPINGS[name]()\n        ~~~~^^^^^^\n    ]\n",
    ],
)
def test_a_node_type_that_is_missing_is_named(source: str) -> None:
    """Exports look up each node by its type; Python prints the line in its own way."""
    failure = diagnose(1, f"{NODE_FRAME}{source}KeyError: 'NoSuchNode'\n")
    assert failure.code is FailureCode.NODE_MISSING
    assert "'NoSuchNode'" in failure.message


def test_another_key_that_is_missing_says_nothing_about_nodes() -> None:
    """Only the line that raised it counts, not an earlier one."""
    source = '    NODE_CLASS_MAPPINGS["KSampler"]().sample()\n'
    inner = '  File "/comfy/nodes.py", line 7, in sample\n    return model["sigma"]\n'
    for frames in (inner, source + inner):
        failure = diagnose(1, f"{NODE_FRAME}{frames}KeyError: 'sigma'\n")
        assert failure.code is FailureCode.WORKFLOW_FAILED
        assert failure.words == "KeyError: 'sigma'"


PROMPT = 'A red fox, who jumps over the "lazy" dog\nat dawn, in snow'


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ValueError: bad latent", "ValueError: bad latent"),
        (f"ValueError: bad text {PROMPT!r}", "ValueError: bad text '…'"),
        (f"ValueError: bad text {json.dumps(PROMPT)}", 'ValueError: bad text "…"'),
        ("ValueError: bad text 'A red fox, who jumps ov...'", "ValueError: bad text '…...'"),
        ("KeyError: 'noir'", "KeyError: '…'"),
        ("noir cannot be loaded", "noir cannot be loaded"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
def test_the_summary_does_not_contain_the_brief(words: str, expected: str) -> None:
    """Failures of several prompts are compared by it, and it may be shown."""
    assert diagnose(1, TRACEBACK + words, brief_texts=[PROMPT, "noir"]).words == expected


@given(st.text(min_size=12).filter(lambda said: len(said.strip()) >= 12))
def test_a_fully_quoted_text_never_appears_in_the_summary(said: str) -> None:
    """Whatever it contains, and however Python or JSON writes it."""
    for quoted in (repr(said.strip()), json.dumps(said.strip()), json.dumps([said.strip()])):
        words = diagnose(1, f"{TRACEBACK}ValueError: bad text {quoted}", brief_texts=[said]).words
        assert quoted[1:-1] not in words


@pytest.mark.parametrize(
    "stderr",
    [
        "CUDA out of memory, trying again in tiles\n" + TRACEBACK + "ValueError: bad latent",
        "warning: No module named 'xformers'\nloading\nsampling\nsaving\ngiving up\n",
        LOGGED + "ModuleNotFoundError: No module named 'insightface'\n" + "loaded a node\n" * 5,
        LOGGED + "ModuleNotFoundError: No module named 'a'\n" + TRACEBACK + "KeyError: 'vae'",
        TRACEBACK + CUDA + "\n" + "Exception in another place\n" * 50,
    ],
)
def test_earlier_output_does_not_decide(stderr: str) -> None:
    """A custom node that cannot be imported, a retry: the run ended for another reason."""
    assert diagnose(1, stderr).code is FailureCode.WORKFLOW_FAILED


SAYINGS = [
    "CUDA out of memory",
    "a sign that reads: No space left on device",
    "MemoryError",
    "x\nMemoryError: y\nConnectionRefusedError: z",
    TRACEBACK + CUDA,
    "Connection refused, ECONNREFUSED, no module named hope. No module named 'comfy'",
]
ECHOES = [
    "{said}",
    "could not encode: {said}",
    TRACEBACK + "ValueError: bad prompt {said}",
    TRACEBACK + "ValueError: bad prompt {said!r}",
]


@pytest.mark.parametrize("said", SAYINGS)
@pytest.mark.parametrize("echo", ECHOES)
def test_a_brief_that_is_echoed_does_not_look_like_a_broken_environment(
    said: str, echo: str
) -> None:
    """Whatever a prompt mentions, only that prompt fails; the queue continues."""
    failure = diagnose(1, echo.format(said=said), brief_texts=[said])
    assert failure.code is FailureCode.WORKFLOW_FAILED


def test_a_real_error_is_recognised_even_if_the_brief_mentions_it() -> None:
    """A message cannot forge the exception's own type."""
    failure = diagnose(1, TRACEBACK + CUDA, brief_texts=["CUDA out of memory"])
    assert failure.code is FailureCode.OUT_OF_MEMORY


def test_stdout_never_decides_but_is_shown_when_there_is_nothing_else() -> None:
    """Workflows may print anything there."""
    failure = diagnose(1, "", stdout="MemoryError")
    assert failure.code is FailureCode.WORKFLOW_FAILED
    assert failure.detail == "MemoryError"


USAGE = "usage: flow.py [-h] [--text4 TEXT4]\n"


@pytest.mark.parametrize(
    "complaint",
    [
        "flow.py: error: unrecognized arguments: --prompt=a lake",
        "flow.py: error: unrecognized arguments: --prompt=a lake\nover two lines",
        "flow.py: error: the following arguments are required: --text4",
        "flow.py: error: argument --seed: expected one argument",
        "flow.py: error: argument --seed: invalid int value: 'x'",
        "flow.py: error: argument -q/--queue-size: invalid choice: '0'",
        "Error: No such option: --prompt",
    ],
)
def test_arguments_that_a_script_does_not_know_are_the_mappings_fault(complaint: str) -> None:
    """The line with the complaint is shown."""
    failure = diagnose(2, USAGE + complaint, script="flow.py")
    assert failure.code is FailureCode.ARGUMENTS_REJECTED
    assert complaint.splitlines()[0].partition("rror: ")[2] in failure.message


def test_the_message_names_the_argument_but_does_not_quote_the_prompt() -> None:
    """Prompts are private; messages may be logged."""
    stderr = USAGE + "flow.py: error: unrecognized arguments: --prompt=my secret lake"
    failure = diagnose(2, stderr, brief_texts=["\n" * 9, "my secret lake\nat dawn"])
    assert "--prompt=…" in failure.message
    assert "secret" not in failure.message


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (1, "flow.py: error: unrecognized arguments: --prompt"),
        (2, "something else"),
    ],
)
def test_other_complaints_are_failures_of_this_run(status: int, complaint: str) -> None:
    """Exit code 2 alone, or the text alone, is not taken for argparse."""
    assert diagnose(status, USAGE + complaint).code is FailureCode.WORKFLOW_FAILED


def test_a_script_that_python_cannot_open_is_missing() -> None:
    """By Python's own message and exit code 2."""
    words = "/env/bin/python: can't open file '/comfy/flow.py': [Errno 2] No such file or directory"
    assert diagnose(2, words).code is FailureCode.SCRIPT_MISSING


def test_a_signal_is_named_and_sigkill_explained() -> None:
    """The operating system's memory killer leaves no other trace."""
    failure = diagnose(-9, CUDA)
    assert failure.code is FailureCode.WORKFLOW_KILLED
    assert "SIGKILL" in failure.message
    assert "memory" in failure.message
    assert "SIGSEGV" in diagnose(-11, "").message
    assert "signal 99" in diagnose(-99, "").message


def test_an_abort_due_to_a_lack_of_memory_is_recognised() -> None:
    """C++ aborts where Python would raise."""
    words = "terminate called after throwing an instance of 'std::bad_alloc'"
    assert diagnose(-6, words).code is FailureCode.OUT_OF_MEMORY
    assert diagnose(-6, "assertion failed").code is FailureCode.WORKFLOW_KILLED


@pytest.mark.parametrize(("status", "word"), [(3, "exit code 3"), (137, "SIGKILL")])
def test_the_exit_code_is_reported(status: int, word: str) -> None:
    """And what a shell means by a number over 128."""
    assert word in diagnose(status, "").message


@pytest.mark.parametrize("status", [193, 200, 254, 255])
def test_a_number_that_is_no_signal_is_an_exit_code(status: int) -> None:
    """``sys.exit(-1)`` is 255; there is no signal 127."""
    message = diagnose(status, "", script="flow.py").message
    assert message == f"flow.py ended with exit code {status}"


def test_the_detail_is_the_end_of_the_output_as_a_terminal_shows_it() -> None:
    """No bars, colours or blank lines, at most 2,000 characters, the last line complete."""
    stderr = "old\n" * 5000 + "\x1b[31mred\x1b[0m\r 5%|# | 1/20 [00:00<00:00]\n\nlast\x07 words\n"
    detail = diagnose(1, stderr).detail
    assert detail.endswith("old\nred\nlast words")
    assert len(detail) <= 2000
    assert len(diagnose(1, "x" * 60_000).detail) <= 2000


@given(st.integers(-70, 255).filter(bool), st.text(), st.lists(st.text(), max_size=3))
def test_any_exit_and_output_give_a_failure(status: int, stderr: str, said: list[str]) -> None:
    """Whatever was printed."""
    failure = diagnose(status, stderr, brief_texts=said)
    assert failure.message
    assert len(failure.detail) <= 2000


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (255, ""),
        (156, ""),
        (192, ""),
        (160, ""),
        (137, "SIGKILL"),
        (139, "SIGSEGV"),
        (143, "SIGTERM"),
    ],
)
def test_exit_codes_above_128(status: int, shown: str) -> None:
    """Only codes that a shell returns for a deadly signal; ``sys.exit(-1)`` is 255."""
    message = diagnose(status, "bye").message
    assert f"exit code {status}" in message
    assert ("signal" in message or "SIG" in message) == bool(shown)
    assert shown in message


@pytest.mark.parametrize(
    ("status", "stderr", "said"),
    [
        (2, "f.py: error: argument --n: invalid int value: 'x'", "invalid int value"),
        (2, "usage: f.py\nf.py: error: argument --c: invalid choice: 'z' (choose from 'a')", "--c"),
        (2, "usage: f.py\nf.py: error: no such thing\nbye\nshut down", "no such thing"),
        (1, "  raise E\nargparse.ArgumentError: argument --n: invalid int value: 'x'", "--n"),
        (2, "Usage: f.py\n\u256d Error \u256e\n\u2502 No such option: -q \u2502\n\u256f", ": -q"),
        (2, "ERROR: Could not consume arg: --q=1\nUsage: f.py", "--q=1"),
        (1, "FATAL Flags parsing error: Unknown command line flag 'q'\nPass --helpshort", "'q'"),
    ],
)  # fmt: skip
def test_every_common_argument_parser_is_recognised(status: int, stderr: str, said: str) -> None:
    """argparse, click, Typer, Fire and absl: the arguments, and thus the settings, are to blame."""
    failure = diagnose(status, stderr)
    assert failure.code is FailureCode.ARGUMENTS_REJECTED
    assert failure.blame is Blame.ENVIRONMENT
    assert said in failure.message


@pytest.mark.parametrize(
    "line",
    ["OSError: [Errno 24] Too many open files: 'x'", "RuntimeError: received 0 items of ancdata"],
)
def test_too_many_open_files(line: str) -> None:
    """The hint names the limit; PyTorch has its own message for it."""
    failure = diagnose(1, line)
    assert failure.code is FailureCode.TOO_MANY_OPEN_FILES
    assert "limit of open files" in failure.hint
