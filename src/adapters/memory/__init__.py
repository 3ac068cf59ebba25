"""In-memory ports, held to the same contracts as the real ones."""
