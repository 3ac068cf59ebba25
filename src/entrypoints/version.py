"""The version of Media Generator; pyproject.toml reads it from here.

Reading it from the installed package's metadata takes longer than printing the help.
"""

VERSION = "0.2.0"
