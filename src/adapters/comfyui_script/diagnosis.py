"""What the end of a script means, told from its exit status and its last words."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.comfyui_script.last_words import Word, deciding, detail_of, lines_of, without
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Sequence

_REJECTED = re.compile(
    r"unrecognized arguments: |the following arguments are required: |ambiguous option: "
    r"|argument \S+: expected (?:one|at least one) argument|argument \S+: ignored explicit"
    r"|No such option|Missing option"
)
_COMPLAINT = re.compile(r"(?:\S.*: error: |Error: )(.*)")  # argparse; click
_NO_SCRIPT = re.compile(r".*: can't open file '")
_MODULE = re.compile(r"No module named '?([\w.]{1,100})|cannot import name '(\w{1,100})'")
_LONGEST_COMPLAINT = 300  # characters
_SHORTEST_VALUE = 4  # characters: shorter ones hide nothing and stand in every sentence
_USAGE_ERROR = 2  # argparse's, click's and Python's own exit code for a wrong command line
_FIRST_OF_SHELL = 128  # a shell adds the signal's number to this


@dataclass(frozen=True, slots=True)
class _Rule:
    """An exception whose name ends so, or words in its message, and what they mean."""

    code: FailureCode
    types: tuple[str, ...]
    words: re.Pattern[str]


_MEMORY = _Rule(
    FailureCode.OUT_OF_MEMORY,
    ("MemoryError", "OutOfMemoryError"),
    re.compile(
        r"(?:CUDA|MPS backend|HIP|XPU) out of memory|CUDA error: out of memory"
        r"|DefaultCPUAllocator: (?:can't allocate|not enough) memory"
        r"|kIOGPUCommandBufferCallbackErrorOutOfMemory|CUBLAS_STATUS_ALLOC_FAILED"
        r"|Cannot allocate memory|std::bad_alloc",
        re.IGNORECASE,
    ),
)
_RULES = (
    _Rule(
        FailureCode.COMFYUI_IMPORT,
        ("ModuleNotFoundError", "ImportError"),
        re.compile(r"No module named"),
    ),
    _MEMORY,
    _Rule(
        FailureCode.DISK_FULL,
        (),
        re.compile(r"No space left on device|Disk quota exceeded|ENOSPC", re.IGNORECASE),
    ),
    _Rule(
        FailureCode.CONNECTION_REFUSED,
        ("ConnectionRefusedError",),
        re.compile(r"Connection refused|ECONNREFUSED|Max retries exceeded", re.IGNORECASE),
    ),
)
_MESSAGES = {
    FailureCode.OUT_OF_MEMORY: "{script} ran out of memory",
    FailureCode.DISK_FULL: "{script} found no room on a disk",
    FailureCode.CONNECTION_REFUSED: "{script} could not reach a server that it needs",
}


def diagnose(
    status: int,
    stderr: str,
    *,
    stdout: str = "",
    script: str = "the script",
    said: Sequence[str] = (),
) -> Failure:
    """The failure that the end of a script means.

    Only the last words on stderr decide, and nothing that the brief itself says: a prompt
    about memory or disks, echoed, does not look like trouble with the environment.

    Args:
        status: exit code, not 0, or the negative number of the signal.
        stderr: the end of it.
        stdout: shown when stderr is empty; it never decides.
        script: name for messages.
        said: the texts of the brief.
    """
    lines = lines_of(stderr)
    detail = detail_of(lines or lines_of(stdout))
    own = without(lines, said)
    if status < 0:
        return _killed(-status, script, detail, _words(own, said))
    if status == _USAGE_ERROR and (failure := _misused(own, script, detail, said)):
        return failure
    for word in _words(own, said):
        for rule in _RULES:
            if _fits(rule, word):
                return Failure(rule.code, _message(rule.code, word, script), detail)
    return Failure(FailureCode.WORKFLOW_FAILED, f"{script} ended with {_exit_code(status)}", detail)


def _words(lines: Sequence[str], said: Sequence[str]) -> list[Word]:
    """The deciding words, without the telling phrases that the brief itself holds."""
    phrases = {found[0] for text in said for rule in _RULES for found in rule.words.finditer(text)}
    words = deciding(lines)
    if not phrases:
        return words
    said_by_brief = re.compile("|".join(map(re.escape, phrases)), re.IGNORECASE)
    return [Word(word.type, said_by_brief.sub("", word.text)) for word in words]


def _fits(rule: _Rule, word: Word) -> bool:
    return word.type.endswith(rule.types) or rule.words.search(word.text) is not None


def _message(code: FailureCode, word: Word, script: str) -> str:
    if code is not FailureCode.COMFYUI_IMPORT:
        return _MESSAGES[code].format(script=script)
    found = _MODULE.search(word.text)
    missing = repr(found[1] or found[2]) if found else "a module"
    return f"{script} could not import {missing}"


def _killed(number: int, script: str, detail: str, words: Sequence[Word]) -> Failure:
    if number == signal.SIGABRT and any(_fits(_MEMORY, word) for word in words):
        code = FailureCode.OUT_OF_MEMORY
        return Failure(code, _MESSAGES[code].format(script=script), detail)
    message = f"{script} was ended by {_signal_name(number)}"
    if number == signal.SIGKILL:
        message += ", as the system does when memory runs out"
    return Failure(FailureCode.WORKFLOW_KILLED, message, detail)


def _misused(lines: Sequence[str], script: str, detail: str, said: Sequence[str]) -> Failure | None:
    """What exit code 2 means, when the command line is to blame."""
    if lines and _NO_SCRIPT.match(lines[-1]):
        return Failure(FailureCode.SCRIPT_MISSING, f"the interpreter cannot open {script}", detail)
    complaint = next(
        (found[1] for line in reversed(lines) if (found := _COMPLAINT.match(line))), ""
    )
    if not _REJECTED.match(complaint):
        return None
    for value in said:
        for part in (value, *value.splitlines()[:1]):  # a complaint ends with the first line
            if len(part) >= _SHORTEST_VALUE:
                complaint = complaint.replace(part, "…")
    return Failure(
        FailureCode.ARGUMENTS_REJECTED,
        f"{script} refused its arguments: {complaint[:_LONGEST_COMPLAINT]}",
        detail,
    )


def _exit_code(status: int) -> str:
    if status > _FIRST_OF_SHELL and (name := _signal_name(status - _FIRST_OF_SHELL)):
        return f"exit code {status} (a shell says so of a program ended by {name})"
    return f"exit code {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
