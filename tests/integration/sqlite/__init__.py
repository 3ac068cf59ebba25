"""The SQLite adapter on real files, used by other programs too."""
