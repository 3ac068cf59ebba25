"""Whether the command line is read."""

args_parsing = False


def enable_args_parsing() -> None:
    """Parse it from now on."""
    global args_parsing
    args_parsing = True
