"""Artifacts in an output tree on a file system."""
