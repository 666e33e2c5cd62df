"""The HTTP service: the Planner Arm's endpoints and those of ChangeRequests.

A door like the command line: it decodes, calls one flow, encodes. What it counts in its own process
(streams, requests of a minute) may be lost; all else is the farm's.
"""
