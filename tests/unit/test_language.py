"""Names and texts use the words of the field, in plain English, everywhere that people read them.

Checked are: strings, docstrings, comments, class names and SQL in ``src``, the page, ``docs``, the
README, CONTRIBUTING, ``ops`` and the build files; in ``TEST_AREAS`` docstrings, comments and
the names of functions and classes. The changelog is history and stays as it is.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = (".html", ".js", ".css", ".sql")
_TEXTS: Final = (
    *("README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml", ".ci/run"),
    *("docs/**/*.md", "findings/*", "ops/*"),
)

# What is matched, and what to write instead. Matched are whole words, in any case.
_BANNED: Final = {
    r"whoever|whomever": "name the person, program or function",
    r"anew": "again",
    r"mend(s|ed|ing|er)?": "fix, repair",
    r"(for )?want of": "because there is no, out of",
    r"(goes|go|went|gone) on": "continues, resumes",
    r"going on with": "continuing",
    r"heed(s|ed|ing|less)?": "obeys, respects",
    r"kin": "similar, related",
    r"of ours": "name the owner: of Media Generator, of this process",
    r"forsaken": "orphaned",
    r"heirs?": "successor",
    r"sleepers?": "suspended worker",
    r"(is|are|was|were|be|been|being) told": "say who reports what to whom",
    r"(nobody|somebody)('s)?": "no one, another program, another user; or turn the sentence round",
    r"wish(es|ed|ing)?": "request, want",
    r"by (itself|themselves)": "automatically, on its own",
    r"obstacles?": "preflight failure",
    r"condemned": "cancelling",
    r"set(s|ting)? aside": "unhealthy, skipped",
    r"soundness": "validation",
    r"lest": "so that ... not",
    r"torments?": "stress test, kills",
    r"amiss|awry": "wrong",
    r"nought|naught": "zero, nothing",
}

# Tests describe processes, files and users of other programs; their strings may quote any input.
_BANNED_IN_TESTS: Final = _BANNED | {
    r"anybody": "any user, any program",
    r"strangers?": "another process, another program, a foreign file",
    r"corpses?": "leftovers, dead worker",
}

# Names of an earlier version: what they were called, and what they are called today.
_OLD_NAMES: Final = {
    r"Courier": "OutboxRelay",
    r"Notices?|NoticeSender": "HookDelivery, HookOutbox, HookTransport",
    r"Audience": "EventFanout",
    r"Bell": "WakeSignal",
    r"StandingSlot": "WorkerLoop",
    r"Standing": "QueueGate",
    r"Settlement": "RenderFinalizer",
    r"Forsaken\w*": "Orphaned...",
    r"Fate": "Liveness",
    r"Chance": "Jitter",
    r"Surroundings|Observatory": "Telemetry",
    r"Pulse": "Watchdog",
    r"QueueSight": "QueueSnapshot",
    r"Glance": "SummaryCache",
    r"Patience": "Deadline, StallDetector",
    r"Rendition": "RenderResult",
    r"_Watch|RenderWatch|_Follower": "RenderContext",
    r"Scrubber": "Redactor",
    r"Inquiry": "run_probe, ServerInfo",
    r"\w*ServerTrouble\w*": "ServerError",
    r"Prober": "HealthChecker",
    r"Unfit\w*": "InvalidMedia...",
    r"RenderTrace": "RenderKey",
    r"KindBroken|KindMended|WorkerTroubled": "KindUnavailable, KindRecovered, WorkerError",
}

# Public strings: a name that other programs read does not change. Each is kept with its reason.
_PUBLIC_STRINGS: Final = {
    "kind.mended": "event name in logs",
    "worker.troubled": "event name in logs",
    "hook.told": "event name in logs",
}

# Nouns of the field that end like a gerund.
_NOUNS_IN_ING: Final = {
    "mapping": "which input of a workflow takes which field",
    "error_mapping": "which answer of a server is which failure",
    "housekeeping": "what is done once in a while",
    "recording": "the finished sound of a song",
    "reading": "what a picture's program understood of its prompt",
    "bookkeeping": "what Media Generator writes down in tables of its own",
}

_VAGUE_NAMES: Final = frozenset({"found", "given", "asked", "told", "wanted", "each", "others"})
_OLD_LIMITS: Final = re.compile(r"_?(?:[A-Z0-9]+_)*(?:MOST|LONGEST|LEAST|BEYOND)(?:_[A-Z0-9]+)*")


class Text(NamedTuple):
    """A piece of text that people read, and where it stands."""

    line: int
    content: str


def area_of(path: Path) -> str:
    """The part of the project that a file belongs to: ``src/adapters/sqlite``, ``docs``."""
    parts = path.relative_to(ROOT).parts
    depth = 3 if parts[:2] in {("src", "adapters"), ("src", "entrypoints")} else 2
    return "/".join(parts[: min(len(parts) - 1, depth)]) or "."


@cache
def sources() -> tuple[Path, ...]:
    """The modules in ``src``."""
    return tuple(sorted((ROOT / "src").rglob("*.py")))


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_bytes())


@cache
def other_texts() -> tuple[Path, ...]:
    """Every file other than a module of Python that people read."""
    page = (path for path in (ROOT / "src").rglob("*") if path.suffix in _PAGE)
    texts = (path for pattern in _TEXTS for path in ROOT.glob(pattern) if path.is_file())
    return (*page, *texts)


@cache
def tokens_of(path: Path) -> tuple[tokenize.TokenInfo, ...]:
    """The names and comments of a module, in order."""
    tokens = tokenize.tokenize(io.BytesIO(path.read_bytes()).readline)
    kept = {tokenize.NAME, tokenize.COMMENT}
    return tuple(token for token in tokens if token.type in kept)


def texts_of(path: Path) -> Iterator[Text]:
    """Strings, docstrings and comments of a module; the lines of any other file."""
    if path.suffix != ".py":
        lines = path.read_text(encoding="utf-8").splitlines()
        yield from (Text(number, line) for number, line in enumerate(lines, 1))
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Text(node.lineno, node.value)
    yield from comments_of(path)


def comments_of(path: Path) -> Iterator[Text]:
    """The comments of a module; one that runs over several lines is one text."""
    block, first, last = "", 0, 0
    for token in tokens_of(path):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            if line != last + 1:
                yield Text(first, block)
                block, first = "", line
            block, last = block + token.string.removeprefix("#"), line
    yield Text(first, block)


def prose_of(path: Path) -> Iterator[Text]:
    """Docstrings and comments of a module, and the names of its functions as sentences."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if docstring := ast.get_docstring(node):
                yield Text(node.body[0].lineno, docstring)
            if not isinstance(node, ast.Module):
                yield Text(node.lineno, node.name.replace("_", " "))
    yield from comments_of(path)


def names_of(path: Path) -> Iterator[Text]:
    """The names in a module, and what texts mark as code; other words may be plain English."""
    marked = re.compile(r"`([^`]+)`")
    for line, content in texts_of(path):
        yield from (Text(line, name) for name in marked.findall(content))
    if path.suffix == ".py":
        for token in tokens_of(path):
            if token.type == tokenize.NAME:
                yield Text(token.start[0], token.string)


def public_functions(
    node: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions that other modules may call: no underscore, in no private class."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if not child.name.startswith("_"):
                yield child
        elif isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public_functions(child)


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a docstring is the help text of a command or the API's description of a route.

    Neither names an exception: a command's text is for its users, and a route lists its errors in
    its decorator.
    """
    decorators = (ast.unparse(decorator) for decorator in function.decorator_list)
    return any(re.search(r"\b(command|group|routes)\b", decorator) for decorator in decorators)


# Marks what cannot happen, or only in a test that uses a fake wrongly.
_UNREACHABLE: Final = "AssertionError"


def exception_name(node: ast.expr | None) -> str | None:
    """The name of an exception's class; None for a variable and for ``raise`` alone."""
    called = node.func if isinstance(node, ast.Call) else node
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name[:1].isupper():
            return name
    return None


def raised_in(node: ast.AST, caught: frozenset[str] = frozenset()) -> Iterator[str]:
    """The exceptions that a function's own body raises and does not catch again."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(child, ast.Raise):
            name = exception_name(child.exc)
            if name is not None and name not in caught:
                yield name
        elif isinstance(child, ast.Try):
            handled = {
                exception_name(expression)
                for handler in child.handlers
                for expression in (
                    handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
                )
            }
            inside = caught | {name for name in handled if name is not None}
            yield from raised_in(ast.Module(child.body, []), inside)
            rest = [*child.handlers, *child.orelse, *child.finalbody]
            for part in rest:
                yield from raised_in(part, caught)
        else:
            yield from raised_in(child, caught)


def without_public_strings(content: str) -> str:
    """A text without the strings that may not change."""
    for public in _PUBLIC_STRINGS:
        content = content.replace(public, "")
    return " ".join(content.split())


def is_suspect(content: str) -> bool:
    """Whether a text may hold a banned word; cheap, since most hold none."""
    return bool(_pattern("|".join(_BANNED), re.IGNORECASE).search(" ".join(content.split())))


def replacements(
    content: str, table: dict[str, str], flags: re.RegexFlag = re.NOFLAG
) -> Iterator[str]:
    """What of a table stands in a text as a word of its own, and what to write instead."""
    for match in _pattern("|".join(table), flags).finditer(content):
        better = next(
            better for words, better in table.items() if re.fullmatch(words, match[0], flags)
        )
        yield f"{match[0]!r} -> {better}"


@cache
def _pattern(words: str, flags: re.RegexFlag) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-])(?:{words})(?![\w-])", flags)


def where(path: Path, line: int) -> str:
    """A place as editors and terminals link it."""
    return f"{path.relative_to(ROOT)}:{line}"


def files_of(area: str) -> list[Path]:
    """The files of an area, in order."""
    return sorted({path for path in (*sources(), *other_texts()) if area_of(path) == area})


AREAS: Final = sorted({area_of(path) for path in (*sources(), *other_texts())})
TEST_AREAS: Final = (
    *("benchmarks", "tests/acceptance", "tests/chaos", "tests/comfyui_double", "tests/contract"),
    *("tests/exports", "tests/fakes", "tests/front_end", "tests/integration", "tests/mappings"),
    *("tests/object_store", "tests/postgres", "tests/ray_cluster", "tests/unit", "tests/web"),
    "tests/workflows",
)
SOURCE_AREAS: Final = sorted({area_of(path) for path in sources()})


def report(problems: list[str]) -> str:
    """What is wrong, one problem a line."""
    return f"{len(problems)} problems\n" + "\n".join(problems)


@pytest.mark.parametrize("area", AREAS)
def test_texts_are_plain_english(area: str) -> None:
    """No text holds a word that a reader would stumble over."""
    problems = []
    for path in files_of(area):
        problems += [
            f"{where(path, line)}: {replacement}"
            for line, content in texts_of(path)
            if is_suspect(content)
            for replacement in replacements(without_public_strings(content), _BANNED, re.IGNORECASE)
        ]
    assert not problems, report(problems)


@pytest.mark.parametrize("area", TEST_AREAS)
def test_tests_are_described_in_plain_english(area: str) -> None:
    """Neither docstrings, comments nor names of tests contain a banned word."""
    paths = set((ROOT / area).rglob("*.py")) - {Path(__file__)}
    problems = [
        f"{where(path, line)}: {replacement}"
        for path in sorted(paths)
        for line, content in prose_of(path)
        for replacement in replacements(
            without_public_strings(content), _BANNED_IN_TESTS, re.IGNORECASE
        )
    ]
    assert paths
    assert not problems, report(problems)


@pytest.mark.parametrize("area", AREAS)
def test_no_old_name_is_left(area: str) -> None:
    """Neither code nor texts use a name that was replaced by a standard term."""
    problems = []
    for path in files_of(area):
        problems += [
            f"{where(path, line)}: {replacement}"
            for line, name in names_of(path)
            for replacement in replacements(name, _OLD_NAMES)
        ]
    assert not problems, report(problems)


@pytest.mark.parametrize("area", SOURCE_AREAS)
def test_a_public_docstring_names_what_is_raised(area: str) -> None:
    """Whatever a public function raises itself is named in its docstring."""
    problems = [
        f"{where(path, function.lineno)}: {function.name} raises {name}"
        for path in sources()
        if area_of(path) == area
        for function in public_functions(tree_of(path))
        if not is_command(function)
        for name in sorted(set(raised_in(function)))
        if name != _UNREACHABLE and name not in (ast.get_docstring(function) or "")
    ]
    assert not problems, report(problems)


@pytest.mark.parametrize("area", SOURCE_AREAS)
def test_modules_and_packages_are_nouns(area: str) -> None:
    """A module is named after what it holds, not after something that it does."""
    paths = {path for path in sources() if area_of(path) == area}
    paths |= {path.parent for path in paths}
    problems = [
        str(path.relative_to(ROOT))
        for path in sorted(paths)
        if path.stem.endswith("ing") and path.stem not in _NOUNS_IN_ING
    ]
    assert not problems, report(problems)


@pytest.mark.parametrize("area", SOURCE_AREAS)
def test_limits_are_called_max_and_min(area: str) -> None:
    """Limits are ``MAX_*`` and ``MIN_*``."""
    problems = [
        f"{where(path, line)}: {name}"
        for path in sources()
        if area_of(path) == area
        for line, name in names_of(path)
        if _OLD_LIMITS.fullmatch(name)
    ]
    assert not problems, report(problems)


@pytest.mark.parametrize("area", SOURCE_AREAS)
def test_locals_say_what_they_hold(area: str) -> None:
    """A variable or parameter is not named after what happened to its value."""
    problems = [
        f"{where(path, node.lineno)}: {name}"
        for path in sources()
        if area_of(path) == area
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Name | ast.arg)
        for name in [node.arg if isinstance(node, ast.arg) else node.id]
        if name in _VAGUE_NAMES and not isinstance(getattr(node, "ctx", None), ast.Load)
    ]
    assert not problems, report(problems)


def test_every_exemption_is_needed() -> None:
    """An exemption that exempts nothing is deleted."""
    everything = "".join(path.read_text(encoding="utf-8") for path in sources())
    unused = {public for public in _PUBLIC_STRINGS if public not in everything}
    assert not unused | (_NOUNS_IN_ING.keys() - {path.stem for path in sources()})


def test_the_walk_reads_what_it_says_it_reads(tmp_path: Path) -> None:
    """Strings, parts of f-strings, docstrings and comments over several lines are all found."""
    path = tmp_path / "module.py"
    path.write_text(
        '"""One anew."""\n'
        'a = "two" "anew"\n'
        'b = f"three anew {a}"\n'
        "# for\n"
        "# want of four\n"
        "anew = 1\n",
        encoding="utf-8",
    )
    contents = [content.strip() for _, content in texts_of(path)]
    assert [text for text in contents if text] == [
        "One anew.",
        "twoanew",
        "three anew",
        "for want of four",
    ]


def test_strings_of_tests_are_not_prose(tmp_path: Path) -> None:
    """Docstrings, names and comments are checked; a string that a test passes on is not."""
    path = tmp_path / "module.py"
    path.write_text(
        'def test_a_thing_goes_on() -> None:\n    """Two."""\n    a = "three anew"  # four\n',
        encoding="utf-8",
    )
    contents = [content.strip() for _, content in prose_of(path) if content]
    assert contents == ["Two.", "test a thing goes on", "four"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("raise ValueError('no')", ["ValueError"]),
        ("raise errors.MediaError", ["MediaError"]),
        ("raise", []),
        ("raise error", []),
        ("raise make_error()", []),
        ("try:\n  raise KeyError\n except (KeyError, OSError):\n  raise OSError", ["OSError"]),
        ("def inner():\n  raise ValueError\n return inner", []),
        ("if a:\n  raise A\n else:\n  raise B", ["A", "B"]),
    ],
)
def test_what_a_function_raises_is_read_from_its_own_body(body: str, names: list[str]) -> None:
    """Neither what it catches nor what an inner function raises counts."""
    (function,) = ast.parse(f"def function(a, error):\n {body}\n").body
    assert list(raised_in(function)) == names
