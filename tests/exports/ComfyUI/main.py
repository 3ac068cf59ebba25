"""The doctor looks for this file."""
