"""Commands as a user runs them: real processes, real databases."""
