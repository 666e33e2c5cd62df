"""What an application imports to enqueue work. No worker code lives here; importing it is quick:
Celery, httpx and pydantic are imported at first use.
"""

from selfheal.client.client import Client
from selfheal.client.handle import Handle

__all__ = ["Client", "Handle"]
