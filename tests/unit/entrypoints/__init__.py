"""Where the program starts."""
