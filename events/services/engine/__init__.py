"""The engine: claims due enrollments and carries out their steps.

Knows the language, the decisions, the models, and the services of `subscribers`; of the other
services of `events` only `database_faults`.
"""

from events.services.engine.advancing import advance

__all__ = ["advance"]
