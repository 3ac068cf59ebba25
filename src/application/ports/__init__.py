"""What the application asks of the outside world, one file for each outside thing."""
