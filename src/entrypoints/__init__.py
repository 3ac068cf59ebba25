"""Where the program starts: settings, composition root and commands."""
