"""The thin Celery layer: each body decodes its arguments, calls one flow, encodes the answer.

Import name `selfheal.tasks`. What all of them share (log context) is in `base`; nothing else here.
"""
