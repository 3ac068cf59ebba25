"""Tests of Media Generator."""
