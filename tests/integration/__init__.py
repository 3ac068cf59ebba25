"""Tests in which adapters meet the real thing: files, processes, databases, servers."""
