"""Planners: evidence and text in, a Plan out.

Nothing here runs tests, opens a repository or writes a row: the flow gathers the evidence.
"""
