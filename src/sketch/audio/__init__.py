"""The program that sings lyrics as a small arrangement."""
