"""The tables, their constraints, and what each column means: a module for each theme.

Tables refer to each other by name, so no theme imports another one, and whoever imports this
package has the whole schema. A test compares it with what the migrations make.
"""

from selfheal.store.tables import models, repositories, requests, work
from selfheal.store.tables.schema import metadata
from selfheal.store.tables.work import fencing_tokens

__all__ = ["fencing_tokens", "metadata", "models", "repositories", "requests", "work"]
