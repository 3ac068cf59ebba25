"""Real processes, started, ended and detected."""
