"""Tests of adapters with real files, processes, databases and servers."""
