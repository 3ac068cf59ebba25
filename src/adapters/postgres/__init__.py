"""The prompt queue in a PostgreSQL database, for workers on many machines."""
