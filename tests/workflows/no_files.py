"""Exits with 0, without any file."""
