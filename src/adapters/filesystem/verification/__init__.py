"""Verification of media files: container structure first, then a full decode."""
