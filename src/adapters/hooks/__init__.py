"""Telling others: a command that is run, an address that is posted to."""
