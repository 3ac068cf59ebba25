"""Workflow scripts that behave and that misbehave, one fault each.

They take the contract's arguments (section 3), know nothing of this project, and run with any
Python of 3.9 or later. `good.py` is the one that does as it should.
"""
