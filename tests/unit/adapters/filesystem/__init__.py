"""The output tree on a file system, piece by piece."""
