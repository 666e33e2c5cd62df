"""Mechanical changes as pure text transformations: source files in, their new texts out.

No files, no git, no processes here: a `SourceTree` brings the text, and edits are byte positions.
"""
