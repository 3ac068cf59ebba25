"""Settings: from a file, the environment and options to checked values and absolute paths."""
