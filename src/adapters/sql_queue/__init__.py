"""The queue in SQL that SQLite and PostgreSQL share; each brings its connection and its dialect."""
