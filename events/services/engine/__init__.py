"""The engine: claims enrollments that are due and carries their steps out.

Knows the language, the decisions, the models, and the services of subscribers; of events' other
services only `database_faults`.
"""

from events.services.engine.advancing import advance

__all__ = ["advance"]
