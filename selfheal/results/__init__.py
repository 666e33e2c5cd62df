"""A Celery result backend in PostgreSQL, for any Celery project: `selfheal+postgresql+psycopg://`.

Knows Celery, psycopg and our errors; nothing of the farm may come in here.
"""
