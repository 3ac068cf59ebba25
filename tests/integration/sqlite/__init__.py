"""The SQLite adapter on real files, with other programs at them."""
