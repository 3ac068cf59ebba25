"""Unit tests: single parts, without processes and without sleeping."""
