"""Exit code 0, and not one file."""
