"""The HTTP API and the page over it."""
