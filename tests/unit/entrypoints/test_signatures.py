"""Signatures in entrypoints name ports, never adapter classes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRYPOINTS = Path(__file__).parents[3] / "src" / "entrypoints"
ROOT = frozenset({"container.py", "factories.py", "renderer_setup.py"})  # the composition root
VALUES = {
    "ray_node.py": {"comfyui_graph", "comfyui_script"},  # the workflows of a node
    "settings/ray.py": {"ray_cluster"},  # what a slot takes of a node
    # module: the adapter of which it passes values around that have no behaviour of their own
    # "mediagen workflow" is a tool of this one adapter, and shows its results.
    "cli/workflow.py": {"comfyui_graph", "comfyui_server"},
    "cli/workflow_script.py": {"comfyui_graph", "comfyui_script"},
    "workflow_check.py": {"comfyui_graph", "comfyui_server"},  # its results
    "cli/export.py": {"media_marks"},  # made by the factory
    "settings/hosts.py": {"comfyui_server"},  # the address of a server
    "settings/resolution.py": {"postgres"},  # the address of a database
}
MODULES = {path.relative_to(ENTRYPOINTS).as_posix() for path in ENTRYPOINTS.rglob("*.py")}


def named_adapters(source: str) -> set[str]:
    """The adapters that an annotation of a module names."""
    tree = ast.parse(source)
    imported = {
        alias.asname or alias.name: node.module.split(".")[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("adapters.")
        for alias in node.names
    }
    return {
        imported[part.id]
        for annotation in _annotations(tree)
        for part in ast.walk(annotation)
        if isinstance(part, ast.Name) and part.id in imported
    }


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as annotation):
                yield annotation
            case ast.AnnAssign(annotation=annotation):
                yield annotation
            case ast.FunctionDef(returns=ast.expr() as annotation):
                yield annotation
            case ast.Constant(value=str() as text) if text.isidentifier():
                yield ast.Name(text)  # a quoted annotation, or a cast


@pytest.mark.parametrize("module", sorted(MODULES - ROOT))
def test_entrypoints_name_ports(module: str) -> None:
    """Outside the composition root, except for a few values."""
    source = (ENTRYPOINTS / module).read_text("utf-8")
    assert named_adapters(source) == VALUES.get(module, set())


def test_an_adapter_in_a_signature_is_detected() -> None:
    """As an argument, a result, in a union, of an attribute, in quotes."""
    head = "from adapters.system_clock import SystemClock\n"
    for line in (
        "def a(clock: SystemClock) -> None: ...",
        "def a() -> list[SystemClock]: ...",
        "class A:\n    clock: SystemClock | None = None",
        "def a(clock: 'SystemClock') -> None: ...",
    ):
        assert named_adapters(head + line) == {"system_clock"}, line
    assert named_adapters(head + "def a() -> None:\n    SystemClock()") == set()
