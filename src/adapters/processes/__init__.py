"""The processes of this machine: the process table, children, and leftovers of dead owners.

Other adapters may build on this one; it knows none of them.
"""
