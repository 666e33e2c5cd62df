"""Who does what, when, and under which token: attempts, settling, the outbox's sender, the sweeper.

Knows the store and the leases; knows neither Celery (a `Sender` is handed in) nor what the work is.
"""
