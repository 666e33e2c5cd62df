"""The HTTP service: the Planner Arm's endpoints and those of ChangeRequests.

A door like the command line: it decodes, calls one flow, encodes. It holds no state of its own.
"""
