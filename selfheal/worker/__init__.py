"""What runs in a Celery worker beside its tasks: how many children, what is refused, how it stops.

Code here is named in Celery's configuration and runs in the worker's main process, which children
are forked from: it opens no connection to a database or a broker, ever.
"""
