"""Which seed a render uses."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.brief import Brief


def seed_for(brief: Brief, prompt_id: int, render_id: int, variant: int) -> int:
    """The brief's own seed, or one that no other render of this database shares.

    The chosen seed is 0 to 2**32 - 1, which every sampler takes; a render's number is never
    used twice, so that a new render of the same prompt gives something new.
    """
    if brief.seed is not None:
        return brief.seed
    digest = hashlib.sha256(f"{prompt_id}/{render_id}/{variant}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
