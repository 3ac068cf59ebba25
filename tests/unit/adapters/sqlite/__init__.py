"""Parts of the SQLite adapter that need no complete application."""
