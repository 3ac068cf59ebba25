"""Media Generator as a service: files for systemd and launchd, and how both are told of them."""
