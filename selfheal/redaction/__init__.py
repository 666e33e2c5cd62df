"""What is secret in a text, and its replacement by stable placeholders (SEC-1).

Patterns are data; nothing here knows where a text goes to.
"""

from selfheal.redaction.known import SHORTEST_VALUE
from selfheal.redaction.redactor import Redactor

__all__ = ["SHORTEST_VALUE", "Redactor"]
