"""Unit tests of the script adapter, without processes."""
