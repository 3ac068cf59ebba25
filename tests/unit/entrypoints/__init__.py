"""The entrypoints of the program."""
