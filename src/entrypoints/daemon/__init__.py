"""The daemon: renders prompts as they arrive, until it is stopped."""
