"""Hooks: programs that are run, and addresses to which messages are posted."""
