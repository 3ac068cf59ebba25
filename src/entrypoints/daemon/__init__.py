"""The daemon: renders for as long as it runs."""
