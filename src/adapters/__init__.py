"""The outside world as the application's ports, one package for each outside thing."""
