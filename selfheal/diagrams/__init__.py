"""Graphs as pictures: values in, text out (SVG, mermaid, DOT). Nothing here knows what is drawn.

No program is run and nothing is read: a picture of the same diagram is the same, byte for byte.
"""
