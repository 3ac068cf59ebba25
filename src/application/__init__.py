"""What Media Generator does, told through ports."""
