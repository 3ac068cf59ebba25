"""What the measurements stand on: statistics, tables, the document."""
