"""Workflow scripts that succeed, and scripts with one fault each.

They accept the contract's arguments (section 3), do not import this project, and run with Python
3.9 or later. `good.py` is the one that succeeds.
"""
