"""The JSON objects that a language model wrote, found in whatever surrounds and disguises them.

Drafts in the reasoning of a model do not count; what follows them does.
Models mark it in their own ways, and programs that run them often leave the marks in the text:
``<think>...</think>`` (DeepSeek, Qwen and most others; the first mark is often part of the prompt,
so that only ``</think>`` is left), ``[THINK]`` (Mistral), ``◁think▷`` (Kimi), the channels of
gpt-oss (OpenAI's Harmony format) and Gemma, ``<|START_THINKING|>`` (Cohere), "Here is my thought
process:" (Granite), "Thinking..." (Ollama's terminal), ``<details type="reasoning">`` (Open WebUI),
``<answer>`` (DeepSeek R1). A mark inside a JSON text is part of that text.
"""

from __future__ import annotations

import html
import itertools
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from domain.json_reader import OPENING_MARKS, JsonError, JsonReader, ValueBudget, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.brief_values import Json

# An object, or a list whose first element is one. A '{' not followed by a name or a comment is
# prose.
_SPACE = r"[\s\ufeff\u200b]*+"
_OPENING = re.escape(OPENING_MARKS)
_START = re.compile(
    rf"[{{\uff5b](?={_SPACE}(?:[{_OPENING}}}\uff5d/#]|u['\"]|[A-Za-z_$][\w$-]{{0,60}}+{_SPACE}[:\uff1a]))"
    rf"|[\[\uff3b](?={_SPACE}[{{\uff5b])"
)
# A string that is never closed extends to the end, so that no search begins inside it.
_QUOTED = re.compile(r'(?<!\\)"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")
# JSON that was escaped once more, without quotation marks around it: ``{\"prompt\": ...}``; or
# between single ones, as Python shows a text: ``'{\n "prompt": ...}'``.
_ESCAPED = re.compile(
    r"(?P<double>[{\[](?=(?:\s|\\[nrt]|[{\[]){0,200}+\\{1,20}+\")(?:[^\"\\]|\\.)*+)"
    r"|(?P<single>[{\[](?=(?:\s|[{\[]){0,200}+\\[nrt](?:\s|\\[nrt]|[{\[]){0,200}+\")(?:[^'\\]|\\.)*+)",
    re.DOTALL,
)
# A text as Python and JavaScript show it; without a backslash it needs no decoding. The last
# quotation mark may be cut off.
_LITERAL = re.compile(r"\s*+'(\s*+[{\[](?=[^\\]*+\\)(?:[^'\\]|\\.)*+)'?\s*+", re.DOTALL)
_ENTITIES = re.compile(r"\{\s*&(?:quot|#34|#x22);", re.IGNORECASE)
_MAX_ENCODINGS: Final = 3  # JSON in a string in a string in a string
MAX_OBJECTS: Final = 1_000  # in one writing
_MAX_STRINGS: Final = 1_000  # tried for JSON inside
_MAX_FAILED: Final = 20  # broken objects and prose in braces; each may cost a pass over the text
_MAX_BRACKETS: Final = 200_000  # counted after a broken object

_FLAGS: Final = re.IGNORECASE | re.DOTALL
_TAGS = (
    "think|thinking|thoughts?|reasoning|reasoning_content|reflection|analysis|scratchpad"
    "|seed:think|antthinking|chain_of_thought|cot|plan|planning|drafts?"
    "|(?:inner|internal)_monologue"
)
_LEFT, _RIGHT = r"(?:<|&lt;|\\u003c)", r"(?:>|&gt;|\\u003e)"
_BAR = "[|\uff5c]"
_THOUGHT = "(?:thought|thinking|think|reasoning)"
_MARKS: Final = re.compile(
    rf"(?P<opens>{_LEFT}(?:{_TAGS})(?:\s(?:(?!/?{_RIGHT})[^<>]){{0,200}})?{_RIGHT}"
    r"|◁think▷|\[THINK\]|<unused94>(?:thought)?|<\|channel>\s*(?:thought|analysis)"
    rf"|<?{_BAR}(?:begin|start)[▁_ ]?(?:of[▁_ ])?{_THOUGHT}{_BAR}>?"
    # Any channel of Harmony but the final one and a call of a function.
    r"|<\|channel\|>\s*(?!final\b)[a-z]+\s*<\|message\|>|assistantanalysis)"
    rf"|(?P<closes>{_LEFT}/(?:{_TAGS})\s*{_RIGHT}"
    r"|◁/think▷|\[/THINK\]|<unused95>|<channel\|>"
    rf"|<?{_BAR}end[▁_ ]?(?:of[▁_ ])?{_THOUGHT}{_BAR}>?"
    r"|<\|channel\|>\s*(?:final\b|[a-z]+\s+to=)(?:(?!<\|message\|>).){0,200}<\|message\|>"
    r"|assistantfinal(?![a-z])|assistantcommentary to=)"
    r"|(?P<ends><\|end\|>)",
    _FLAGS,
)
# Words that mark reasoning only if the second of them follows the first.
_PAIRS: Final = tuple(
    (re.compile(opener, _FLAGS | re.MULTILINE), re.compile(closer, _FLAGS | re.MULTILINE))
    for opener, closer in (
        (r"^\W*Here(?: i|')s my thought process:", r"Here(?: i|')s my (?:response|answer):"),
        (r"^\s*Thinking\.\.\.", r"\.\.\.done thinking\."),
        (r"<details\b[^<>]{0,200}\btype=.reasoning[^<>]{0,300}>", "</details>"),
        (r"^\W*Thought:", r"^\W*Final Answer:"),
        (r"\A\s*analysis(?=\W|(?-i:[A-Z]))", "assistantfinal(?![a-z])"),
    )
)
_ANSWER = re.compile(r"<(answer|final_answer|final|response|output|result|solution)>", _FLAGS)
# Without any of these there is no mark; looking for them is a hundred times as fast.
_SIGNS = ("<", "◁", "&lt;", "\\u003", "hink", "HINK", "hought", "assistant", "\uff5c", "|")

_OBJECT = re.compile(rf"[{{\uff5b](?=\s*+[{re.escape(OPENING_MARKS)}])")
_MAX_MARKS: Final = 1_000
_VISIBLE = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class FoundJson:
    """The JSON that a text holds.

    Attributes:
        values: objects and lists that begin with an object, in order.
        problem: where and why the first broken one is broken, or "" when none is.
        broken: the text of each broken one.
        cut_off: whether the last one has no end.
    """

    values: tuple[Json, ...] = ()
    problem: str = ""
    broken: tuple[str, ...] = ()
    cut_off: bool = False


def find_json(text: str, budget: ValueBudget, encodings: int = 0) -> FoundJson:
    """Every object in a text: bare, in code fences, between prose, or encoded as a JSON string.

    Reasoning before the answer is left out. Parts of a broken object are not objects. The search
    ends after ``MAX_OBJECTS`` and one more; its time is linear in the length of the text.

    Args:
        text: of any length.
        budget: shared by all texts of one writing.
        encodings: number of times that the text was encoded as a JSON string.
    """
    if literal := _LITERAL.fullmatch(text):
        with suppress(JsonError):
            text = unescaped(literal[1])
    answer = answer_of(text)
    outer, prose = _scan(answer.text, budget)
    if outer.problem or _has_content(outer.values):
        return outer
    decodings = (_entities, _json_strings, _escaped_once_more) if encodings < _MAX_ENCODINGS else ()
    for decoded in decodings:
        inner = [find_json(part, budget, encodings + 1) for part in decoded(answer.text)]
        values = tuple(itertools.chain.from_iterable(part.values for part in inner))
        problem = next((part.problem for part in inner if part.broken), "")
        if problem or _has_content(values):
            problem = problem and f"in the JSON that is encoded as text: {problem}"
            broken = tuple(itertools.chain.from_iterable(part.broken for part in inner))
            return FoundJson(values, problem, broken, any(part.cut_off for part in inner))
    if outer.values:
        return outer
    if answer.unclosed is not None:
        where = line_and_column(text, answer.unclosed)
        reason = f"no JSON object outside the reasoning, which begins at {where} and never ends"
        return FoundJson(problem=reason)
    problem = prose or _prose_problem(answer.text)
    if answer.hidden:
        problem += "; a draft in the model's reasoning does not count"
    return FoundJson(problem=problem)


def _scan(text: str, budget: ValueBudget) -> tuple[FoundJson, str]:
    """The objects in a text, and why the first '{' in prose begins none, or ""."""
    reader = JsonReader(text, budget)
    values: list[Json] = []
    broken: list[str] = []
    problem = prose = ""
    cut_off = False
    failed = 0
    start = _START.search(text)
    while start and failed < _MAX_FAILED and len(values) <= MAX_OBJECTS:
        position = start.start()
        try:
            values.append(reader.read(position))
            resume = reader.position
        except JsonError as error:
            failed += 1
            if reader.named:
                problem = problem or _located(text, position, error)
                end = _end_of_broken(text, error)
                cut_off = end is None
                resume = len(text) if end is None else end
                broken.append(text[position:resume])
            else:
                prose = prose or _located(text, position, error)
                resume = position + 1
        start = _START.search(text, resume)
    return FoundJson(tuple(values), problem, tuple(broken), cut_off), prose


def _end_of_broken(text: str, error: JsonError) -> int | None:
    """Where a broken object ends, by its brackets and ignoring strings; None if it never does."""
    depth = error.depth
    for bracket in itertools.islice(_BRACKET.finditer(text, error.position), _MAX_BRACKETS):
        depth += 1 if bracket[0] in "{[" else -1
        if depth <= 0:
            return bracket.end()
    return None


def _has_content(values: tuple[Json, ...]) -> bool:
    """Whether there is more than the ``{}`` that JSON encoded as text may contain."""
    return any(any(value) if isinstance(value, list) else value for value in values)


def _entities(text: str) -> list[str]:
    """The text without HTML's entities, if quotation marks are written as such."""
    return [html.unescape(text)] if _ENTITIES.search(text) else []


def _json_strings(text: str) -> list[str]:
    """The JSON strings in a text that may themselves hold an object, decoded."""
    if "{" not in text or "\\" not in text:
        return []
    strings = (match[0] for match in _QUOTED.finditer(text))
    encoded = (string for string in strings if "{" in string and "\\" in string)
    decoder = json.JSONDecoder(strict=False)
    parts: list[str] = []
    for string in itertools.islice(encoded, _MAX_STRINGS):
        with suppress(json.JSONDecodeError):
            parts.append(str(decoder.decode(string)))
    return parts


def _escaped_once_more(text: str) -> list[str]:
    """The parts of a text that look like an object that was escaped once more, unescaped once."""
    parts: list[str] = []
    if "\\" in text:
        for match in itertools.islice(_ESCAPED.finditer(text), _MAX_STRINGS):
            with suppress(JsonError):
                parts.append(unescaped(match[0]))
    return parts


def _located(text: str, start: int, error: JsonError) -> str:
    state = "broken" if error.position < len(text) else "cut off"
    return (
        f"the JSON that starts at {line_and_column(text, start)} is {state} at"
        f" {line_and_column(text, error.position)}: {error.reason}"
    )


def _prose_problem(text: str) -> str:
    brace = text.find("{")
    if brace < 0:
        return "no JSON object: the text holds no '{'"
    reason = "there is no name in double quotes"
    if text.startswith("\\", brace + 1):
        reason = "there is a backslash: JSON that was encoded as text and is cut off or damaged"
    return f"no JSON object: after the '{{' at {line_and_column(text, brace)} {reason}"


def line_and_column(text: str, position: int) -> str:
    """A position in a text as line and column, counted from 1, for people."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"


# ------------------------------------------------------------------------ reasoning


class _Role(StrEnum):
    """What a mark does."""

    OPENS = "opens"  # reasoning begins
    CLOSES = "closes"  # reasoning ends here even if nothing shows where it began
    ENDS = "ends"  # the reasoning that has begun ends here
    ANSWERS = "answers"  # the answer begins here, except within reasoning


@dataclass(frozen=True, slots=True, order=True)
class _Mark:
    start: int
    end: int
    role: _Role


@dataclass(frozen=True, slots=True)
class Answer:
    """A text without its reasoning.

    Attributes:
        text: as long as the whole; blanks stand where the reasoning was.
        unclosed: where reasoning begins that never ends, counted from 0, or None.
        hidden: whether there was any reasoning.
    """

    text: str
    unclosed: int | None = None
    hidden: bool = False


def answer_of(text: str) -> Answer:
    """A text without the reasoning in it; takes time linear in the length of the text."""
    marks = sorted(_marks(text)) if any(map(text.__contains__, _SIGNS)) else []
    if not marks:
        return Answer(text)
    kept: list[tuple[int, int]] = []
    begin = 0
    opener: _Mark | None = None
    for mark in _outside_json(text, marks):
        if mark.role is _Role.OPENS:
            if opener is None:
                kept.append((begin, mark.start))
                opener = mark
        elif opener is not None and mark.role is not _Role.ANSWERS:
            opener, begin = None, mark.end
        elif opener is None and mark.role is not _Role.ENDS:
            kept.clear()
            begin = mark.end
    if opener is None:
        kept.append((begin, len(text)))
    parts: list[str] = []
    position = 0
    for start, end in kept:
        parts += [_VISIBLE.sub(" ", text[position:start]), text[start:end]]
        position = end
    parts.append(_VISIBLE.sub(" ", text[position:]))
    answer = "".join(parts)
    return Answer(answer, None if opener is None else opener.start, hidden=answer != text)


def _marks(text: str) -> Iterator[_Mark]:
    """Everything that may be a mark, in no order."""
    for match in itertools.islice(_MARKS.finditer(text), _MAX_MARKS):
        yield _Mark(match.start(), match.end(), _Role(str(match.lastgroup)))
    for opens, closes in _PAIRS:
        position = 0
        while (opener := opens.search(text, position)) and (
            closer := closes.search(text, opener.end())
        ):
            yield _Mark(opener.start(), opener.end(), _Role.OPENS)
            yield _Mark(closer.start(), closer.end(), _Role.ENDS)
            position = closer.end()
    lowered = text.lower()
    for match in itertools.islice(_ANSWER.finditer(text), _MAX_MARKS):
        if lowered.rfind(f"</{match[1].lower()}>") > match.end():
            yield _Mark(match.start(), match.end(), _Role.ANSWERS)


def _outside_json(text: str, marks: list[_Mark]) -> Iterator[_Mark]:
    """The marks that are not part of a JSON object that can be read."""
    reader = JsonReader(text, ValueBudget())
    position, failed = 0, 0
    for mark in marks:
        while position < mark.start and failed < _MAX_FAILED:
            start = _OBJECT.search(text, position, mark.start)
            if start is None:
                break
            try:
                reader.read(start.start())
                position = reader.position
            except JsonError:
                failed += 1
                position = start.end()
        if position <= mark.start:
            position = mark.start
            yield mark
