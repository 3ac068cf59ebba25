"""A node type of the double: inputs and outputs as ComfyUI describes them, and its function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.comfyui_double.storage import Storage
    from tests.comfyui_double.values import Picture

    Inputs = Mapping[str, Any]
    Ui = dict[str, list[Any]]
    Spec = tuple[Any, dict[str, Any]]

CHECKPOINTS = "checkpoints"  # replaced by the list of installed models


@dataclass(frozen=True)
class Bench:
    """A node's environment.

    Attributes:
        storage: for the files that it saves.
        texts: written into its files: the graph and the caller's additions.
        step: reports that one more step of so many is done, with a preview; raises if the job was
            interrupted.
    """

    storage: Storage
    texts: Mapping[str, object]
    step: Callable[[int, int, Callable[[], Picture]], None]


class Made(NamedTuple):
    """A node's results: its outputs, and their part of the history."""

    values: tuple[object, ...] = ()
    ui: Ui | None = None


@dataclass(frozen=True)
class NodeType:
    """One class of nodes.

    Attributes:
        name: its class type.
        display_name: its name for people.
        category: its place in ComfyUI's menu.
        required: inputs by name: a type or a list of choices, and options.
        outputs: the types of its outputs.
        work: the function that makes them.
        optional: inputs that may be left out.
        output_node: whether a graph may end here.
    """

    name: str
    display_name: str
    category: str
    required: Mapping[str, Spec]
    outputs: tuple[str, ...]
    work: Callable[[Inputs, Bench], Made]
    optional: Mapping[str, Spec] = field(default_factory=dict)
    output_node: bool = False

    def inputs(self, models: Sequence[str]) -> dict[str, list[Any]]:
        """Required and optional inputs, as ``object_info`` and validation errors show them."""
        return {
            name: [list(models) if kind == CHECKPOINTS else kind, options]
            if options
            else [list(models) if kind == CHECKPOINTS else kind]
            for name, (kind, options) in (*self.required.items(), *self.optional.items())
        }

    def info(self, models: Sequence[str]) -> dict[str, Any]:
        """Its description in ``GET /object_info/{class}``."""
        inputs = self.inputs(models)
        groups: dict[str, dict[str, list[Any]]] = {
            "required": {name: inputs[name] for name in self.required}
        }
        if self.optional:
            groups["optional"] = {name: inputs[name] for name in self.optional}
        if self.output_node:
            groups["hidden"] = {"prompt": ["PROMPT"], "extra_pnginfo": ["EXTRA_PNGINFO"]}
        return {
            "input": groups,
            "input_order": {group: list(names) for group, names in groups.items()},
            "output": list(self.outputs),
            "output_is_list": [False] * len(self.outputs),
            "output_name": list(self.outputs),
            "name": self.name,
            "display_name": self.display_name,
            "description": "",
            "python_module": "nodes",
            "category": self.category,
            "output_node": self.output_node,
        }
