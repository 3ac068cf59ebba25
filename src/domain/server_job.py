"""A job on a render server: what works for a render there, and can be found again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerJob:
    """One graph that was given, or is about to be given, to a server.

    Attributes:
        id: a canonical lower-case UUID, under which the server knows it too.
        server: the server's address ("http://127.0.0.1:8188"), without any secret.
        variant: which writing of the prompt it renders, counted from 1.
        fingerprint: of everything that was asked for, less what makes each job unique; a job
            with another fingerprint renders something else.
        seed: that it renders with.
    """

    id: str
    server: str
    variant: int
    fingerprint: str
    seed: int
