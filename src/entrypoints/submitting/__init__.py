"""From what a person typed to a prompt and its writing, for the command line and for the page."""
