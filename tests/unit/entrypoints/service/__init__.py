"""Media Generator as a service."""
