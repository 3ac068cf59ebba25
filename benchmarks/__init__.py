"""Measurements of the queue: ``make bench``, or ``python -m benchmarks --help``."""
