"""selfheal: a Celery worker farm that changes code.

Importing this package does nothing: no IO, no environment, no connections. What an application
needs to enqueue work is `selfheal.client`; everything else belongs to the farm.
"""

__version__ = "0.1.0"
