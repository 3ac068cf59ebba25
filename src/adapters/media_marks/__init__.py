"""Marks in media files that say how they were made: written, read, signed and checked."""
