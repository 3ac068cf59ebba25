"""The reasons why nothing can be made of a file now, or at all."""

from __future__ import annotations


class UnfitMediaError(Exception):
    """Nothing can be made of a file, because of its content; the message says why."""


class CrowdedError(Exception):
    """Too many others wait for something to be made; later there will be room."""
