"""How long a render still takes, as far as its own progress tells."""

from __future__ import annotations

_LEAST_FRACTION = 0.02  # before that, loading a model would be taken for the pace


def seconds_left(fraction: float | None, elapsed: float, since: float = 0.0) -> float | None:
    """Seconds until the end if the rest goes at the pace so far, or None when nobody can know.

    Args:
        fraction: done, from 0 to 1, as it was last told; None when it was not.
        elapsed: seconds from the beginning until it was told.
        since: seconds from then until now; what is left never falls below 0.
    """
    if fraction is None or not _LEAST_FRACTION <= fraction <= 1:
        return None
    whole = max(elapsed, 0.0) / fraction
    return max(0.0, whole - max(elapsed, 0.0) - max(since, 0.0))
