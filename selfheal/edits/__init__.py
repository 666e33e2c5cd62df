"""Edits as text: reading a draft, applying it, writing it as a diff, judging that diff.

Pure functions over strings: no git, no disk, no network, no clock.
"""
