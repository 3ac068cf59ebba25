"""The prompt queue in a SQLite database."""
