"""Tests of single parts of the adapters, without the real thing."""
