"""The processes of this machine: who runs, who does not, and the end of what was left behind.

Other adapters may build on this one; it knows none of them.
"""
