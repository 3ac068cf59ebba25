"""Which jobs are the same: what identifies a workflow, for ``media.reuse``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from application.reuse import JobKeys, ReusingRenderer
from entrypoints.settings.errors import SettingsError
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from application.ports.events import EventListener
    from application.ports.media_files import PublishedMedia
    from application.ports.media_renderer import MediaRenderer
    from application.ports.reuse import ReuseIndex
    from application.ports.system import Clock
    from application.workflow_choice import WorkflowChoices
    from domain.picture_size import SizeRule
    from domain.prompt import Kind
    from entrypoints.renderer_setup import RendererSetup
    from entrypoints.settings.workflows import NamedWorkflow

_PICTURES: Final = frozenset({"image", "mask"})  # types of what a mapping reads from files


def reusing(
    renderer: MediaRenderer,
    setups: Mapping[str, RendererSetup],
    index: ReuseIndex,
    published: PublishedMedia,
    events: EventListener,
    clock: Clock,
) -> MediaRenderer:
    """A renderer that answers the same job from what was published.

    Args:
        renderer: renders everything else.
        setups: the renderers that the settings choose, by name.
        index: finds what was published.
        published: copies published files.
        events: receives an event for each job that was answered.
        clock: the monotonic clock.
    """
    return ReusingRenderer(renderer, index, published, _identities(setups), events, clock)


def job_keys(
    setups: Mapping[str, RendererSetup], size_rule: SizeRule, choices: WorkflowChoices | None
) -> JobKeys:
    """The keys of pending prompts; the arguments are those of ``JobKeys``, and the renderers."""
    return JobKeys(_identities(setups), size_rule, choices)


def _identities(setups: Mapping[str, RendererSetup]) -> Callable[[Kind, str], str]:
    by_key = {one.key: (setup, one) for setup in setups.values() for one in setup.workflows}

    def identify(kind: Kind, name: str) -> str:
        chosen = by_key.get((kind, name))
        return workflow_identity(*chosen) if chosen else ""

    return identify


def workflow_identity(setup: RendererSetup, workflow: NamedWorkflow) -> str:
    """What identifies the content of a workflow and its mapping; "" if nothing may be reused.

    The names of models are part of the file. A workflow that takes pictures from files is never
    the same, nor is a script on the nodes of a cluster, which cannot be read here.
    """
    media = setup.loaded.settings.media
    if workflow.renderer == "ray" and media.ray.runs == "script":
        return ""
    mapping = {"inputs": _plain(workflow.inputs), "arguments": _plain(workflow.arguments)}
    takes = setup.picture_fields().get(workflow.key)
    if _takes_pictures(mapping) or (takes is not None and takes()):
        return ""
    try:
        file = setup.workflow_file(workflow)
        facts = file.stat()
        content = _digest(file, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except (OSError, SettingsError):
        return ""
    identity = {
        "renderer": workflow.renderer,
        # The sketch consists of more files than its script.
        "program": VERSION if workflow.renderer == "sketch" else "",
        "content": content,
        "mapping": mapping,
        "extra_arguments": _plain(workflow.extra_arguments),
        "settings": [media.argument_style, media.blank_negative_prompt],
    }
    return json.dumps(identity, sort_keys=True)


@lru_cache(64)
def _digest(file: Path, modified: int, size: int, inode: int) -> str:  # noqa: ARG001 - it changes with them
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON values
    """A value of the settings as JSON values, the same in every process."""
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(_plain(member) for member in value)
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value if isinstance(value, int | float | None) else str(value)


def _takes_pictures(mapping: object) -> bool:
    """Whether part of a mapping has the type or the name of a picture from a file."""
    if isinstance(mapping, dict):
        names = {str(name).rpartition(".")[2] for name in mapping} | {mapping.get("type")}
        return bool(names & _PICTURES) or any(map(_takes_pictures, mapping.values()))
    return isinstance(mapping, list) and any(map(_takes_pictures, mapping))
