"""The fields of a job that inputs of nodes can take; the settings check names against them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.brief import BRIEF_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.prompt import Kind

_JOB_FIELDS = frozenset({"filename_prefix", "prompt_id"})

FIELDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {kind: _JOB_FIELDS | {field.name for field in fields} for kind, fields in BRIEF_FIELDS.items()}
)
"""Every field that can be mapped to inputs of nodes."""

UNIQUE_FIELDS = frozenset({"seed", "filename_prefix"})
"""The fields that make each job unique, though it asks for the same thing."""
