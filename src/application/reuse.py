"""Answering a prompt from an earlier one that asked for exactly the same."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from returns import result
from returns.pipeline import is_successful

from application.ports.events import RenderReused
from application.ports.media_renderer import RenderingFacts
from application.ports.workflows import PromptHints
from application.renderer_decorator import RendererDecorator
from domain.brief import BRIEF_FIELDS, ImageBrief
from domain.brief_parser import parse_brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from application.ports.events import EventListener
    from application.ports.media_files import PublishedMedia
    from application.ports.media_renderer import MediaRenderer, RenderContext, RenderJob
    from application.ports.prompt_repository import Candidate, PromptRepository, Selection
    from application.ports.reuse import ReusableFile, ReuseIndex
    from application.ports.system import Clock
    from application.workflow_choice import WorkflowChoices
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.picture_size import PictureSize, SizeRule
    from domain.prompt import Kind
    from domain.render import Claim

_VERSION: Final = 1  # of what a key is made of
_MAX_LOOKED_AT: Final = 500  # prompts that wait
_LOOK_SECONDS: Final = 2.0  # between two looks at them
_OFFER_SECONDS: Final = 60.0  # before one that could not be answered after all is offered again


def reuse_key(brief: Brief, size: PictureSize | None, workflow: str) -> str:
    """What a job asks for, as a hash; "" if two renders of it may differ.

    Two jobs with the same key have the same brief (every value of its JSON, whatever the order
    and the spelling of names), the same size and seed, and the same workflow. The seed must stand
    in the brief: one that was chosen by chance was never asked for.

    Args:
        brief: of the job.
        size: of the job.
        workflow: identifies the content of the workflow and its mapping; "" if that is unknown.
    """
    if not workflow or brief.seed is None:
        return ""
    asked_for = {
        "version": _VERSION,
        "kind": brief.kind.value,
        "brief": {field.name: getattr(brief, field.name) for field in BRIEF_FIELDS[brief.kind]},
        "document": brief.document,
        "seed": brief.seed,
        "size": asdict(size) if size else None,
        "workflow": workflow,
    }
    text = json.dumps(asked_for, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ReusingRenderer(RendererDecorator):
    """A renderer that copies what was published for the same job, where there is such a thing.

    Nothing of the renderer behind it is touched then. The copy takes the way of every other file:
    it is verified, gets a folder, a plan and rows of its own. As safe from threads as that
    renderer is.

    Args:
        renderer: renders everything else.
        index: finds what was published for the same job.
        published: copies published files.
        identify: identifies a named workflow of a kind, by its content; "" if it is not reused.
        events: receives a ``RenderReused`` for each job that was answered.
        clock: the monotonic clock.
    """

    def __init__(
        self,
        renderer: MediaRenderer,
        index: ReuseIndex,
        published: PublishedMedia,
        identify: Callable[[Kind, str], str],
        events: EventListener,
        clock: Clock,
    ) -> None:
        super().__init__(renderer)
        self._index = index
        self._published = published
        self._identify = identify
        self._events = events
        self._clock = clock

    def render(
        self, job: RenderJob, context: RenderContext
    ) -> result.Result[RenderingFacts, Failure]:
        """Copy the files of the same job if there are any, or render it."""
        key = reuse_key(job.brief, job.size, self._identify(job.brief.kind, job.workflow))
        files = self._index.find(key, job.prompt_id) if key and not job.earlier else ()
        if files and (facts := self._copied(job, files)):
            context.on_started()
            self._events.handle(RenderReused(job.prompt_id, job.render_id, files[0].prompt_id))
            return result.Success(facts)
        made = self._renderer.render(job, context)
        if not key or not is_successful(made):
            return made
        facts = made.unwrap()
        # A seed that the workflow did not get says nothing of what it made.
        return result.Success(replace(facts, reuse_key=key)) if facts.seed_used else made

    def close(self) -> None:
        """End every connection and thread; called when no more jobs are rendered."""
        self._renderer.close()

    def _copied(self, job: RenderJob, files: Sequence[ReusableFile]) -> RenderingFacts | None:
        """Copy files into the job's folder; None, and an empty folder, if one is not as it was."""
        began = self._clock.monotonic()
        targets = [job.output / file.name for file in files]
        try:
            is_whole = all(
                self._published.copy(file.path, target) == file.text("sha256")
                for file, target in zip(files, targets, strict=True)
            )
        except OSError:
            is_whole = False  # it is rendered, which meets the failure again if it is the disk's
        if not is_whole:
            for target in targets:
                with suppress(OSError):
                    target.unlink(missing_ok=True)
            return None
        first = files[0]
        return RenderingFacts(
            renderer=first.text("renderer"),
            workflow=first.text("workflow"),
            seconds=self._clock.monotonic() - began,
            seed_used=True,
            size_used=True,
            prompt_used=first.facts.get("prompt_passed") is True,
            seeds={file.name: file.seed for file in files if file.seed is not None},
            reused_from={"prompt_id": first.prompt_id, "render_id": first.render_id},
            mark_ids={file.name: file.mark_id for file in files if file.mark_id},
        )


class JobKeys:
    """The keys of pending prompts, before a job is made of them.

    Args:
        identify: as for ``ReusingRenderer``.
        size_rule: of pictures.
        choices: which named workflow renders which prompt; None if every kind has only one.
    """

    def __init__(
        self,
        identify: Callable[[Kind, str], str],
        size_rule: SizeRule,
        choices: WorkflowChoices | None = None,
    ) -> None:
        self._identify = identify
        self._size_rule = size_rule
        self._choices = choices

    def of(self, candidate: Candidate) -> str:
        """The ``reuse_key`` of a prompt; "" if it has none, or its brief cannot be read."""
        kind, content = candidate.kind, candidate.writing.content
        parsed = parse_brief(kind, content)
        if not is_successful(parsed):
            return ""
        brief, size, workflow = parsed.unwrap(), None, ""
        if self._choices is not None:
            hints = PromptHints(candidate.config_name, candidate.workflow)
            choice = self._choices.of_writing(kind, content, hints)
            if not is_successful(choice):
                return ""
            workflow = choice.unwrap().name
        if isinstance(brief, ImageBrief):
            size = self._size_rule.size(brief.aspect_ratio, brief.width, brief.height)
        return reuse_key(brief, size, self._identify(kind, workflow))


class TwinPrompts:
    """Pending prompts that ask for exactly what another one is rendered for now.

    They wait until that one ends, so that they are answered from it; if it fails, the next of them
    is rendered. Within one process. The caller makes sure of one call at a time.

    Args:
        repository: the queue.
        keys: of its prompts.
    """

    def __init__(self, repository: PromptRepository, keys: JobKeys) -> None:
        self._repository = repository
        self._keys = keys
        self._looked_at: dict[int, str] = {}  # the key of what may be claimed next
        self._rendering: dict[int, str] = {}
        self._waiting: dict[int, tuple[Kind, str]] = {}

    def waiting(self) -> Mapping[int, Kind]:
        """The prompts that wait for another one, as far as they were looked at."""
        rendering = set(self._rendering.values())
        self._waiting = {i: one for i, one in self._waiting.items() if one[1] in rendering}
        return {prompt_id: kind for prompt_id, (kind, _) in self._waiting.items()}

    def narrow(self, selection: Selection) -> Selection | None:
        """The first prompt of a selection that waits for no other one; None if there is none.

        Raises:
            RepositoryError: the database cannot be used.
        """
        skipped = selection.excluding | frozenset(self.waiting())
        while first := self._repository.candidates(replace(selection, excluding=skipped), 1):
            [candidate] = first
            key = self._keys.of(candidate)
            if not key or key not in self._rendering.values():
                if len(self._looked_at) >= _MAX_LOOKED_AT:
                    self._looked_at.clear()  # others claimed them
                self._looked_at[candidate.prompt_id] = key
                return replace(selection, only=frozenset({candidate.prompt_id}))
            self._waiting[candidate.prompt_id] = candidate.kind, key
            skipped |= {candidate.prompt_id}
        return None

    def begun(self, claim: Claim) -> None:
        """Record that a prompt was claimed."""
        if key := self._looked_at.pop(claim.prompt_id, ""):
            self._rendering[claim.prompt_id] = key

    def ended(self, claim: Claim) -> None:
        """Record that the render of a prompt ended, in whatever way."""
        self._rendering.pop(claim.prompt_id, None)


class AnswerablePrompts:
    """Finds pending prompts that need no renderer: they are answered from earlier ones.

    For the time in which a renderer cannot work. The caller makes sure of one call at a time.

    Args:
        repository: the queue.
        index: finds what was published for the same job.
        keys: of its prompts.
        clock: the monotonic clock.
    """

    def __init__(
        self, repository: PromptRepository, index: ReuseIndex, keys: JobKeys, clock: Clock
    ) -> None:
        self._repository = repository
        self._index = index
        self._keys = keys
        self._clock = clock
        self._found: deque[int] = deque()
        self._offered: dict[int, float] = {}
        self._look_at = -math.inf

    def narrow(self, selection: Selection) -> Selection | None:
        """One prompt of a selection that can be answered; None if there is none.

        Of the first ``_MAX_LOOKED_AT`` that wait.

        Args:
            selection: the prompts that may be claimed, if they need no renderer.

        Raises:
            RepositoryError: the database cannot be used.
        """
        now = self._clock.monotonic()
        if not self._found and now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._offered = {one: until for one, until in self._offered.items() if until > now}
            excluding = selection.excluding | frozenset(self._offered)
            waiting = self._repository.candidates(
                replace(selection, excluding=excluding), _MAX_LOOKED_AT
            )
            self._found.extend(one.prompt_id for one in waiting if self._is_known(one))
        while self._found:
            prompt_id = self._found.popleft()
            self._offered[prompt_id] = now + _OFFER_SECONDS
            if prompt_id not in selection.excluding and (
                selection.only is None or prompt_id in selection.only
            ):
                return replace(selection, only=frozenset({prompt_id}))
        return None

    def _is_known(self, candidate: Candidate) -> bool:
        """Whether files were published for the same job as that of a prompt."""
        key = self._keys.of(candidate)
        return bool(key and self._index.find(key, candidate.prompt_id))
