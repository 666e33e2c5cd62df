"""How a target repository is checked: its tests, formatter and linter, and what the outcome means.

All code of the target runs in the sandbox. Nothing here edits, plans or talks to a broker.
"""
