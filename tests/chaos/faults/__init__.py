"""The faults, each one cycle long, in rooms by subject."""
