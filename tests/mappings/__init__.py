"""Public workflows with their reviewed inputs, and the scores of the inferred mappings."""
