"""What an application imports to enqueue work. No worker code lives here; importing it is quick:
Celery and pydantic are imported at first use.
"""

from selfheal.client.client import Client, Handle

__all__ = ["Client", "Handle"]
