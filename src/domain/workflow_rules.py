"""Which of several named workflows renders a brief: the first whose rule fits, or one by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from returns.result import Failure as Refused
from returns.result import Result, Success

from domain.brief import BRIEF_FIELDS, PROMPT_FIELDS
from domain.brief_paths import BriefPath
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.brief import Brief

WorkflowKey: TypeAlias = tuple[Kind, str]
"""A workflow: the kind that it renders, and its name; "" for the only workflow of a kind."""

CONFIG_NAME: Final = "config_name"
TEXT: Final = "text"
STYLE: Final = "style"

_ALIASES: Final = {STYLE: "style_tags"}
_MAX_SHOWN: Final = 60  # characters of a value in a reason


def workflow_subject(key: WorkflowKey, what: str) -> str:
    """What people call something of a workflow: "image script", ``image script "anime"``."""
    kind, name = key
    subject = f"{kind.value} {what}".rstrip()
    return f'{subject} "{name}"' if name else subject


def named(name: str, known: Sequence[str], kind: Kind) -> Result[str, str]:
    """A workflow's name as it is written in the settings; a sentence if there is none like it.

    Args:
        name: as a person or a program wrote it; case and space around it do not count.
        known: the names of the kind's workflows.
        kind: the kind.
    """
    by_folded = {folded(other): other for other in known if other}
    if written := by_folded.get(folded(name)):
        return Success(written)
    what = f'there is no {kind.value} workflow "{_shown(name)}"'
    if not by_folded:
        return Refused(f"{what}: media.workflows.{kind.value} names none")
    near = get_close_matches(folded(name), list(by_folded), n=3, cutoff=0.5)
    if near:
        names = " or ".join(f'"{by_folded[key]}"' for key in near)
        return Refused(f"{what}; did you mean {names}?")
    return Refused(f"{what}; there are: {', '.join(by_folded.values())}")


def misspelt(key: str, kind: Kind) -> str | None:
    """The condition that was probably meant by one that is nothing but a path; None if it is fine.

    Args:
        key: of a rule's ``when``.
        kind: the kind.
    """
    known = {CONFIG_NAME, STYLE, TEXT, *(row.name for row in BRIEF_FIELDS[kind])}
    if key in known or "." in key or "[" in key:
        return None
    return next(iter(get_close_matches(key.lower(), sorted(known), n=1, cutoff=0.8)), None)


@dataclass(frozen=True, slots=True)
class WorkflowRule:
    """When a named workflow renders a prompt.

    Attributes:
        name: of the workflow.
        when: the values of which one must be there, by what they are compared with: ``config_name``
            (of the prompt), ``style``, ``text`` (contained in the prompt, or in the lyrics of a
            song), a field of a brief, or a path in its JSON. All of these must fit. Empty for a
            workflow that renders whatever is left.
    """

    name: str
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reason(self, brief: Brief, config_name: str | None) -> str | None:
        """Why it fits a brief, such as ``style is "anime"``; None if it does not.

        Args:
            brief: the brief.
            config_name: of its prompt; None if it has none.
        """
        reasons: list[str] = []
        for key, patterns in self.when.items():
            values = list(_values(key, brief, config_name))
            value = _fitting(patterns, values, contained=key == TEXT)
            if value is None:
                return None
            verb = "contains" if key == TEXT else "is"
            reasons.append(f'{key} {verb} "{_shown(value)}"')
        return " and ".join(reasons)


@dataclass(frozen=True, slots=True)
class WorkflowChoice:
    """The workflow that renders a brief.

    Attributes:
        name: of the workflow; "" for the only one of its kind.
        reason: why it was chosen, for people, such as ``rule 2: style is "anime"``.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowRules:
    """The named workflows of a kind.

    Attributes:
        kind: the kind.
        rules: in order; the first that fits counts. The last one has no condition.
    """

    kind: Kind
    rules: tuple[WorkflowRule, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the workflows, in order."""
        return tuple(rule.name for rule in self.rules)

    def choose(
        self, brief: Brief, config_name: str | None = None, chosen: str | None = None
    ) -> Result[WorkflowChoice, Failure]:
        """The workflow for a brief.

        Fails with ``workflow_unknown`` if the name that was chosen is none of them.

        Args:
            brief: the brief.
            config_name: of its prompt; None if it has none.
            chosen: the name that a person or program chose for the prompt, which beats every rule.
        """
        if chosen:
            return (
                named(chosen, self.names, self.kind)
                .map(lambda name: WorkflowChoice(name, "chosen by name"))
                .alt(lambda message: Failure(FailureCode.WORKFLOW_UNKNOWN, message))
            )
        for number, rule in enumerate(self.rules, start=1):
            reason = rule.reason(brief, config_name)
            if reason is not None:
                why = f"rule {number}: {reason}" if reason else "the default: no rule fits"
                return Success(WorkflowChoice(rule.name, why))
        names = ", ".join(self.names)
        message = f"no rule of media.workflows.{self.kind.value} fits the brief ({names})"
        return Refused(Failure(FailureCode.WORKFLOW_UNKNOWN, message))


def folded(text: str) -> str:
    """A text for comparison: in one case, and with single spaces."""
    return " ".join(text.casefold().split())


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = map(re.escape, folded(text).split("*"))
    return re.compile(".*".join(parts), re.DOTALL)


def _fitting(patterns: Sequence[str], values: Sequence[str], *, contained: bool) -> str | None:
    """What fits: the first of the values, or of a text the words that it contains."""
    for text in patterns:
        for value in values:
            if contained and _pattern(text).search(folded(value)):
                return text
            if not contained and _pattern(text).fullmatch(folded(value)):
                return value
    return None


def _values(key: str, brief: Brief, config_name: str | None) -> Iterator[str]:
    """The texts that a condition is compared with."""
    if key == CONFIG_NAME:
        yield from () if config_name is None else (config_name,)
        return
    name = PROMPT_FIELDS[brief.kind] if key == TEXT else _ALIASES.get(key, key)
    if any(row.name == name for row in BRIEF_FIELDS[brief.kind]):
        value = getattr(brief, name)
    else:
        value = BriefPath.parse(key).find(brief.document)
    for part in value if isinstance(value, list | tuple) else (value,):
        if isinstance(part, bool):
            yield "true" if part else "false"
        elif isinstance(part, str | int | float):
            yield f"{part:g}" if isinstance(part, float) else str(part)
        elif isinstance(part, Mapping) and part:  # an artifact, say: "*" fits it
            yield json.dumps(part, sort_keys=True)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"
