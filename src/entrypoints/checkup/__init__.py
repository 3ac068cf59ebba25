"""What the doctor examines, for the command and for the page."""
