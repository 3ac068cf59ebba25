"""The last words of a script decide, and only they."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.diagnosis import diagnose
from domain.failure import FailureCode

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
        (TRACEBACK + "ValueError: no such sampler", FailureCode.WORKFLOW_FAILED),
        ("", FailureCode.WORKFLOW_FAILED),
    ],
)
def test_the_end_of_stderr_tells_what_happened(stderr: str, code: FailureCode) -> None:
    """Each known trouble has its own code."""
    assert diagnose(1, stderr).code is code


def test_the_module_that_is_missing_is_named() -> None:
    """So that the person knows what to install."""
    failure = diagnose(1, TRACEBACK + "ModuleNotFoundError: No module named 'torch.cuda'")
    assert "'torch.cuda'" in failure.message


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
def test_what_was_said_before_the_run_went_on_does_not_decide(stderr: str) -> None:
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
    """Whatever a prompt talks about, it alone fails; the queue goes on."""
    failure = diagnose(1, echo.format(said=said), said=[said])
    assert failure.code is FailureCode.WORKFLOW_FAILED


def test_real_trouble_is_seen_even_if_the_brief_talks_about_it() -> None:
    """The exception's own type cannot be forged by a message."""
    failure = diagnose(1, TRACEBACK + CUDA, said=["CUDA out of memory"])
    assert failure.code is FailureCode.OUT_OF_MEMORY


def test_stdout_never_decides_but_is_shown_when_there_is_nothing_else() -> None:
    """Workflows print what they like there."""
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
        "Error: No such option: --prompt",
    ],
)
def test_arguments_that_a_script_does_not_know_are_the_mappings_fault(complaint: str) -> None:
    """The line that says so is handed on."""
    failure = diagnose(2, USAGE + complaint, script="flow.py")
    assert failure.code is FailureCode.ARGUMENTS_REJECTED
    assert complaint.splitlines()[0].partition("rror: ")[2] in failure.message


def test_the_message_names_the_argument_and_not_what_the_prompt_says() -> None:
    """Prompts are private; messages may be logged."""
    stderr = USAGE + "flow.py: error: unrecognized arguments: --prompt=my secret lake"
    failure = diagnose(2, stderr, said=["\n" * 9, "my secret lake\nat dawn"])
    assert "--prompt=…" in failure.message
    assert "secret" not in failure.message


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (2, "flow.py: error: argument --seed: invalid int value: 'x'"),
        (1, "flow.py: error: unrecognized arguments: --prompt"),
        (2, "something else"),
    ],
)
def test_other_complaints_are_failures_of_this_run(status: int, complaint: str) -> None:
    """A value that the script refuses says nothing about the mapping."""
    assert diagnose(status, USAGE + complaint).code is FailureCode.WORKFLOW_FAILED


def test_a_script_that_python_cannot_open_is_missing() -> None:
    """Python's own words, exit code 2."""
    words = "/env/bin/python: can't open file '/comfy/flow.py': [Errno 2] No such file or directory"
    assert diagnose(2, words).code is FailureCode.SCRIPT_MISSING


def test_a_signal_is_named_and_sigkill_explained() -> None:
    """The system's memory killer leaves no other trace."""
    failure = diagnose(-9, CUDA)
    assert failure.code is FailureCode.WORKFLOW_KILLED
    assert "SIGKILL" in failure.message
    assert "memory" in failure.message
    assert "SIGSEGV" in diagnose(-11, "").message
    assert "signal 99" in diagnose(-99, "").message


def test_an_abort_for_want_of_memory_is_told_from_other_aborts() -> None:
    """C++ aborts where Python raises."""
    words = "terminate called after throwing an instance of 'std::bad_alloc'"
    assert diagnose(-6, words).code is FailureCode.OUT_OF_MEMORY
    assert diagnose(-6, "assertion failed").code is FailureCode.WORKFLOW_KILLED


@pytest.mark.parametrize(("status", "word"), [(3, "exit code 3"), (137, "SIGKILL")])
def test_the_exit_code_is_told(status: int, word: str) -> None:
    """And what a shell means by a number over 128."""
    assert word in diagnose(status, "").message


def test_the_detail_is_the_end_as_a_terminal_would_show_it_bounded() -> None:
    """No bars, no colours, no blank lines, at most 2,000 characters, the last line whole."""
    stderr = "old\n" * 5000 + "\x1b[31mred\x1b[0m\r 5%|# | 1/20 [00:00<00:00]\n\nlast\x07 words\n"
    detail = diagnose(1, stderr).detail
    assert detail.endswith("old\nred\nlast words")
    assert len(detail) <= 2000
    assert len(diagnose(1, "x" * 60_000).detail) <= 2000


@given(st.integers(-70, 255).filter(bool), st.text(), st.lists(st.text(), max_size=3))
def test_no_ending_is_too_strange(status: int, stderr: str, said: list[str]) -> None:
    """Every ending has a failure, whatever was printed."""
    failure = diagnose(status, stderr, said=said)
    assert failure.message
    assert len(failure.detail) <= 2000
