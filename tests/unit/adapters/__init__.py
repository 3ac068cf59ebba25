"""Tests of single parts of the adapters, without real counterparts."""
