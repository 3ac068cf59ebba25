"""Public workflows with the inputs that a person would name, and how the inferred mapping does."""
