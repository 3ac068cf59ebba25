"""Several renderers behind one port."""
