"""Media Generator as a service: files for systemd and launchd, and calls of their programs."""
