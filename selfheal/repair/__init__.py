"""Repair of Python without a model: localise by coverage, try fix templates, keep what tests confirm.

Only `engine` is meant for callers. Nothing here knows of Celery, git or the database, and target
code is run through the sandbox only.
"""
