"""Unit tests: one room at a time, no process, no sleep."""
