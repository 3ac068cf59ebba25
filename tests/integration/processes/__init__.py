"""Real processes, started, ended and found again."""
