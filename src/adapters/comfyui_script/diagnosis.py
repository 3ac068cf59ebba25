"""What the end of a script means, told from its exit status and the end of its stderr.

Only the last lines decide, and of a traceback that ended the script only the exception. What the
brief itself says is left out: a prompt about memory or disks, echoed by the script, does not look
like a problem of the environment.
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.comfyui_script.output import excerpt, output_lines
from adapters.known_failures import MEMORY, RULES, Rule
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_REJECTED = re.compile(
    r"unrecognized arguments: |the following arguments are required: |ambiguous option: "
    r"|argument \S+: (?:expected|ignored explicit|invalid|not allowed with|conflicting)"
    r"|No such option|Missing (?:option|argument|parameter)|Invalid value for "
    r"|Got unexpected extra argument|Option '?\S+ requires an argument"
    r"|Could not consume arg: |Unknown command line flag "
)
_COMPLAINT = re.compile(r"(?:\S.*: error: |Error: )(.*)")  # argparse; click
# Typer draws a frame around it; Fire; absl; an ArgumentParser that raises.
_OTHER_COMPLAINT = re.compile(
    r"(?:\u2502\s*|ERROR: |(?:FATAL )?Flags parsing error: |argparse\.ArgumentError: )"
    r"(.*?)[\s\u2502]*$"
)
_USAGE = re.compile(r"usage: ", re.IGNORECASE)
_NO_SCRIPT = re.compile(r".*: can't open file '")
_NODE_TYPES = "NODE_CLASS_MAPPINGS["
_NO_PROGRAM = frozenset({"SyntaxError", "IndentationError", "TabError"})
_MODULE = re.compile(r"No module named '?([\w.]{1,100})|cannot import name '(\w{1,100})'")
# Their messages hold what was printed; a kill has nothing to do with the line before it.
_SELF_EXPLAINING = frozenset(
    {
        FailureCode.ARGUMENTS_REJECTED,
        FailureCode.COMFYUI_IMPORT,
        FailureCode.NODE_MISSING,
        FailureCode.SCRIPT_BROKEN,
        FailureCode.SCRIPT_MISSING,
        FailureCode.WORKFLOW_KILLED,
    }
)
_MAX_COMPLAINT = 300  # characters
_MIN_VALUE = 4  # characters: shorter ones hide nothing and stand in every sentence
_USAGE_ERROR = 2  # argparse's, click's and Python's own exit code for a wrong command line
_SHELL_SIGNAL_BASE = 128  # a shell adds the signal's number to this
# Signals that end programs. Any other exit code above 128 is the program's own: -1 becomes 255.
_DEADLY = frozenset(
    {
        *(
            "SIGHUP",
            "SIGINT",
            "SIGQUIT",
            "SIGILL",
            "SIGTRAP",
            "SIGABRT",
            "SIGBUS",
            "SIGFPE",
            "SIGKILL",
        ),
        *("SIGSEGV", "SIGSYS", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU", "SIGXFSZ"),
    }
)
_LAST_USAGE_LINES = 6  # lines that may blame the command line if the exit code is not 2
_MAX_AFTER_TRACEBACK = 40  # lines: of a message, or of noise while the interpreter exits
_MAX_AFTER_PRINTED_TRACEBACK = 3  # lines that may follow one that a script printed itself
_LAST_LINES = 3  # that may decide where there is no traceback
_MAX_REDACTED = 300  # characters
_MIN_FORM = 12  # characters of the brief that are removed wherever they stand
_MIN_QUOTED = 2  # characters that are removed where they are quoted
_MIN_RUN = 3  # words in a row
_WORD = re.compile(r"\w+")
_TRACEBACK = "Traceback (most recent call last):"
# An exception that nothing caught has passed the script's outermost level.
_OUTERMOST = re.compile(r'  File ".*", line \d+, in (?:<module>|_run_module_as_main)$')
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?::\s?(.*))?$")


_RULES = (
    Rule(
        FailureCode.COMFYUI_IMPORT,
        ("ModuleNotFoundError", "ImportError"),
        re.compile(r"No module named"),
    ),
    *RULES,
    Rule(
        FailureCode.EXPORT_OUTDATED,
        (),
        re.compile(r"name 'has_manager' is not defined"),
    ),
    Rule(
        FailureCode.DISK_FULL,
        (),
        re.compile(r"No space left on device|Disk quota exceeded|ENOSPC", re.IGNORECASE),
    ),
    Rule(
        FailureCode.CONNECTION_REFUSED,
        ("ConnectionRefusedError",),
        re.compile(r"Connection refused|ECONNREFUSED|Max retries exceeded", re.IGNORECASE),
    ),
)
_MESSAGES = {
    FailureCode.OUT_OF_MEMORY: "{script} ran out of memory",
    FailureCode.TOO_MANY_OPEN_FILES: "{script} reached the limit of open files",
    FailureCode.MODEL_BROKEN: "{script} could not load a model file",
    FailureCode.MODEL_MISSING: "{script} did not find a model file that it needs",
    FailureCode.GRAPH_REJECTED: "a node of {script} does not accept a value of the workflow",
    FailureCode.GPU_UNAVAILABLE: "{script} could not use the GPU",
    FailureCode.EXPORT_OUTDATED: "{script} was written by an exporter with a known fault",
    FailureCode.DISK_FULL: "{script} ran out of disk space",
    FailureCode.CONNECTION_REFUSED: "{script} could not reach a server that it needs",
}


@dataclass(frozen=True, slots=True)
class DecidingLine:
    """A line of stderr that may say why the script ended.

    Attributes:
        type: name of the exception without its modules, or "" for a plain line.
        text: the exception's message, or the whole line.
        line: the line as it was printed.
        raised_at: the source line that raised the exception, or "" where none is shown.
    """

    type: str
    text: str
    line: str = ""
    raised_at: str = ""


def diagnose(
    status: int,
    stderr: str,
    *,
    stdout: str = "",
    script: str = "the script",
    brief_texts: Sequence[str] = (),
) -> Failure:
    """The failure that the end of a script means.

    Args:
        status: exit code, not 0, or the negative number of the signal that killed it.
        stderr: the end of what the script printed as errors.
        stdout: the end of its other output; shown when stderr is empty, it never decides.
        script: the script's name, for messages.
        brief_texts: the texts of the brief, which the script may echo.
    """
    all_lines = output_lines(stderr)
    detail = excerpt(all_lines or output_lines(stdout))
    echoes = {line.strip() for text in brief_texts for line in text.splitlines()}
    lines = [line for line in all_lines if line.strip() not in echoes]
    candidates = _without_rule_words(deciding_lines(lines), brief_texts)
    if status < 0:
        failure = _killed(-status, script, candidates)
    else:
        failure = (
            _usage_error(status, lines, script, brief_texts)
            or _known_failure(candidates, script)
            or Failure(FailureCode.WORKFLOW_FAILED, f"{script} ended with {_exit_code(status)}")
        )
    words = ""  # for comparing failures; not what the message says already
    if lines and failure.code not in _SELF_EXPLAINING:
        words = redact_brief(deciding_lines(lines)[0].line, brief_texts)
    return replace(failure, detail=detail, words=words)


def _known_failure(candidates: Sequence[DecidingLine], script: str) -> Failure | None:
    for candidate in candidates:
        if candidate.type == "KeyError" and _NODE_TYPES in candidate.raised_at:
            message = f"{script} uses the node type {candidate.text}, which ComfyUI does not have"
            return Failure(FailureCode.NODE_MISSING, message)
        if candidate.type in _NO_PROGRAM and not candidate.raised_at:
            message = f"{script} is not a Python program: {candidate.text}"
            return Failure(FailureCode.SCRIPT_BROKEN, message)
        for rule in _RULES:
            if rule.fits(candidate.type, candidate.text):
                return Failure(rule.code, _message(rule.code, candidate, script))
    return None


def _without_rule_words(
    candidates: list[DecidingLine], brief_texts: Sequence[str]
) -> list[DecidingLine]:
    """The deciding lines without the words of rules that the brief itself holds."""
    phrases = {
        match[0] for text in brief_texts for rule in _RULES for match in rule.pattern.finditer(text)
    }
    if not phrases:
        return candidates
    pattern = re.compile("|".join(map(re.escape, phrases)), re.IGNORECASE)
    return [replace(line, text=pattern.sub("", line.text)) for line in candidates]


def _message(code: FailureCode, candidate: DecidingLine, script: str) -> str:
    if code is not FailureCode.COMFYUI_IMPORT:
        return _MESSAGES[code].format(script=script)
    names = _MODULE.search(candidate.text)
    missing = repr(names[1] or names[2]) if names else "a module"
    return f"{script} could not import {missing}"


def _killed(number: int, script: str, candidates: Sequence[DecidingLine]) -> Failure:
    if number == signal.SIGABRT and any(MEMORY.fits(line.type, line.text) for line in candidates):
        code = FailureCode.OUT_OF_MEMORY
        return Failure(code, _MESSAGES[code].format(script=script))
    message = f"{script} was ended by {_signal_name(number) or f'signal {number}'}"
    if number == signal.SIGKILL:
        message += ", as the system does when memory runs out"
    return Failure(FailureCode.WORKFLOW_KILLED, message)


def _usage_error(
    status: int, lines: Sequence[str], script: str, brief_texts: Sequence[str]
) -> Failure | None:
    """The failure if the command line is to blame; None if it is not."""
    if status == _USAGE_ERROR and lines and _NO_SCRIPT.match(lines[-1]):
        return Failure(FailureCode.SCRIPT_MISSING, f"the interpreter cannot open {script}")
    complaint = ""
    shows_usage = False
    for line in lines if status == _USAGE_ERROR else lines[-_LAST_USAGE_LINES:]:
        shows_usage = shows_usage or _USAGE.match(line) is not None
        if status == _USAGE_ERROR and (match := _COMPLAINT.match(line)):
            complaint = match[1] if shows_usage or _REJECTED.match(match[1]) else ""
        elif (match := _OTHER_COMPLAINT.match(line)) and _REJECTED.match(match[1]):
            complaint = match[1]
    if not complaint:
        return None
    for text in brief_texts:
        for part in (text, *text.splitlines()[:1]):  # a complaint ends with the first line
            if len(part) >= _MIN_VALUE:
                complaint = complaint.replace(part, "…")
    return Failure(
        FailureCode.ARGUMENTS_REJECTED,
        f"{script} refused its arguments: {complaint[:_MAX_COMPLAINT]}",
    )


def _exit_code(status: int) -> str:
    name = _signal_name(status - _SHELL_SIGNAL_BASE)
    if name in _DEADLY:
        return f"exit code {status} (a shell says so of a program ended by {name})"
    return f"exit code {status}"


def _signal_name(number: int) -> str:
    """The name of a signal, or "" where there is none of that number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def deciding_lines(lines: Sequence[str]) -> list[DecidingLine]:
    """The lines that may be judged, the most telling first.

    After an uncaught exception that is the exception alone; otherwise the last lines. What was
    printed earlier, in a run that continued, does not count.
    """
    if (index := _exception_index(lines)) is not None:
        # The source of the innermost frame; Python may show a statement on several lines.
        source_at = index
        while source_at and lines[source_at - 1].startswith("    "):
            source_at -= 1
        raised_at = "\n".join(lines[source_at:index])
        return [replace(_parse_line(lines[index]), raised_at=raised_at)]
    return [_parse_line(line) for line in reversed(lines[-_LAST_LINES:])]


def _exception_index(lines: Sequence[str]) -> int | None:
    """Index of the last line of the last traceback, if that traceback ended the run."""
    starts = [index for index, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if not starts:
        return None
    start = starts[-1]
    index = next(
        (at for at in range(start + 1, len(lines)) if not lines[at].startswith((" ", "\t"))), None
    )
    if index is None:
        return None
    uncaught = _OUTERMOST.match(lines[start + 1]) is not None
    lines_after = len(lines) - 1 - index
    limit = _MAX_AFTER_TRACEBACK if uncaught else _MAX_AFTER_PRINTED_TRACEBACK
    return index if lines_after <= limit else None


def _parse_line(line: str) -> DecidingLine:
    match = _EXCEPTION.match(line)
    if match is None:
        return DecidingLine("", line, line)
    return DecidingLine(match[1].rpartition(".")[2], match[2] or "", line)


def redact_brief(line: str, brief_texts: Sequence[str]) -> str:
    """A line without what it quotes from the brief, at most 300 characters long.

    Whole texts and lines of the brief are removed, plain or escaped; so is any run of three words
    or more that occurs in it, since long prompts are often cut when they are quoted. A single
    short word is removed only where it stands in quotation marks.
    """
    texts = [" ".join(text.split()) for text in brief_texts]
    forms = {
        form
        for text in brief_texts
        for part in (text, *text.splitlines())
        for form in _echoed_forms(part)
    }
    for form in sorted(forms, key=len, reverse=True):
        line = line.replace(form, "…")
    for text in texts:
        if _MIN_QUOTED <= len(text) < _MIN_FORM:
            line = re.sub(rf"(?<=['\"`]){re.escape(text)}(?=['\"`])", "…", line)
    line = _without_runs(line, texts)
    return line if len(line) <= _MAX_REDACTED else f"{line[: _MAX_REDACTED - 1]}…"


def _echoed_forms(part: str) -> Iterator[str]:
    for form in (part.strip(), repr(part.strip())[1:-1], json.dumps(part.strip())[1:-1]):
        if len(form) >= _MIN_FORM:
            yield form


def _without_runs(line: str, texts: Sequence[str]) -> str:
    """The line without the runs of words that occur in one of the texts."""
    words = list(_WORD.finditer(line))
    kept: list[str] = []
    end = at = 0
    while at < len(words):
        length = _run_length(words, at, line, texts)
        if length:
            kept += [line[end : words[at].start()], "…"]
            end = words[at + length - 1].end()
        at += max(length, 1)
    return "".join([*kept, line[end:]])


def _run_length(words: Sequence[re.Match[str]], at: int, line: str, texts: Sequence[str]) -> int:
    """Number of words from here on that occur in one of the texts; 0 when they are too few."""
    longest = 0
    for text in texts:
        length = 0
        while (
            at + length < len(words) and line[words[at].start() : words[at + length].end()] in text
        ):
            length += 1
        longest = max(longest, length)
    if longest < _MIN_RUN:
        return 0
    size = words[at + longest - 1].end() - words[at].start()
    return longest if size >= _MIN_FORM else 0
