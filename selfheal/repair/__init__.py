"""Repair of Python without a model: localise, try fix templates, keep what the tests confirm.

Only `engine` is meant for callers. Nothing here knows of Celery, git or the database, and target
code is run through the sandbox only.
"""
