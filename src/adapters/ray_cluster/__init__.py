"""Rendering on the nodes of a Ray cluster: an actor for each slot, driven by a process of its own.

``renderer`` keeps the port, ``cluster`` starts the driver and knows which slots are ready,
``driver`` is the only program that uses Ray, and ``node_slot`` is the actor. ``messages`` are what
crosses between them.
"""
