"""Unit tests of the script adapter: no process runs here."""
