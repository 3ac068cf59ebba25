"""Every member of every domain enum has a comment."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from domain import artifact_status, breaker, brief, failure, hook_delivery, lease, prompt, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def _uncommented(module: ModuleType) -> Iterator[str]:
    assert module.__file__ is not None
    with open(module.__file__, encoding="utf-8") as file:  # noqa: PTH123 - the module's own name
        source = file.read()
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases
        ):
            for member in node.body:
                if isinstance(member, ast.Assign):
                    comment = lines[member.lineno - 1].partition("#")[2].strip()
                    if len(comment.split()) < 2:
                        yield f"{node.name}: {lines[member.lineno - 1].strip()}"


@pytest.mark.parametrize(
    "module", [artifact_status, breaker, brief, failure, hook_delivery, lease, prompt, render]
)
def test_every_enum_member_has_a_comment(module: ModuleType) -> None:
    """The line of a member says what it means."""
    assert list(_uncommented(module)) == []
