"""Runs code of a target repository so that it can harm neither the host nor the farm.

Here live the seam (`jail`), its providers and the limits they share. What a command means, or
whether its result is good, is decided by callers.
"""
