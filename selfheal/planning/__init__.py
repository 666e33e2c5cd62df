"""Planners: evidence and text in, a Plan out.

Nothing here runs a target's code or writes a row: the flow gathers the evidence. Who is asked for
a plan (a model, an external program) stands in `backends`.
"""
