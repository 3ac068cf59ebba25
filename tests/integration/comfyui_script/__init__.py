"""The script adapter with real processes."""
