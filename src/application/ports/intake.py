"""The port to prompts as they are submitted: their order, workflow and labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from domain.prompt import Kind

USUAL_PRIORITY: Final = 5


@dataclass(frozen=True, slots=True)
class Submission:
    """A new prompt with its writing.

    Attributes:
        kind: the kind of media that it asks for.
        text: the original request, as a person wrote it.
        content: of the writing, as JSON text.
        title: of the writing.
        priority: from 1 to 10; the highest is rendered first, and 5 is the usual one.
        workflow: name of the workflow that renders it, as in the settings; "" for the first whose
            rule fits.
        label: that it has in common with other prompts, 1 to 200 characters; "" for none.
        varied: what makes it different from those, as JSON values by path of the brief; only with
            a label.
    """

    kind: Kind
    text: str
    content: str
    title: str
    priority: int = USUAL_PRIORITY
    workflow: str = ""
    label: str = ""
    varied: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """A submission that a program names, so that it can repeat it without adding it twice.

    Attributes:
        key: the name, 1 to 255 characters.
        digest: of what is submitted; a key belongs to one submission.
    """

    key: str
    digest: str


class KeyReusedError(Exception):
    """Something else was submitted under this key."""


class PromptIntake(Protocol):
    """Adds prompts to the queue. Raises RepositoryError if the database cannot be used."""

    def submit(
        self, submissions: Iterable[Submission], request: SubmitRequest | None = None
    ) -> tuple[int, ...]:
        """Add all of them in one transaction, or none; returns their ids in order.

        A request with the key and the digest of an earlier one adds nothing, and returns the ids
        of that one.

        Raises:
            KeyReusedError: something else was submitted under the request's key.
        """
        ...

    def submitted(self, key: str) -> tuple[int, ...] | None:
        """The ids of the prompts that were submitted under a key; None if it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A prompt that has a label.

    Attributes:
        prompt_id: the prompt.
        label: its label.
        varied: what makes it different from others of the label, as JSON values by path.
    """

    prompt_id: int
    label: str
    varied: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and how many prompts have it.

    Attributes:
        name: 1 to 200 characters.
        prompts: number of its prompts.
        newest: id of the newest of them.
    """

    name: str
    prompts: int
    newest: int


class PromptLabels(Protocol):
    """The labels of prompts. Raises RepositoryError if the database cannot be used."""

    def all(self, limit: int) -> Sequence[Label]:
        """The labels, that of the newest prompt first."""
        ...

    def prompts(self, label: str) -> Sequence[LabelledPrompt]:
        """The prompts of a label, by id; empty if there are none."""
        ...

    def of(self, prompt_ids: Iterable[int]) -> Mapping[int, LabelledPrompt]:
        """The labels of prompts, by id, without those that have none."""
        ...

    def add(self, prompt_id: int, label: str, varied: Mapping[str, object]) -> None:
        """Give a prompt a label; one that has a label keeps it."""
        ...
