"""The prompt queue in PostgreSQL."""
