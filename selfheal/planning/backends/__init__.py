"""Who is asked for an evolution plan: one class each, chosen by name.

A backend is asked once and gives what was said; reading it and asking again is the agent's.
"""
