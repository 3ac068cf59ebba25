"""What workflows print, kept in bounded files."""
