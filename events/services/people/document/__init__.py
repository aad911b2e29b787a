"""Everything that is stored about one person, as one JSON document.

May read the models of both apps; writes nothing. `wire` has the shape of each row.
"""

from events.services.people.document.document import chunks

__all__ = ["chunks"]
