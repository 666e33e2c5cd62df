"""Doubles that ship with selfheal, for its own tests, demos, and those of its users.

They speak the real protocols over real sockets. Nothing of the farm is imported here.
`selfheal.testing.server` is where to begin: a model endpoint that replays, and fails on demand.
"""
