"""The program that draws a picture from a prompt."""
