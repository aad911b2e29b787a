"""How many rows a list has: counted at each call up to a limit, so that no call counts for long."""

from typing import Any

from django.db.models import QuerySet

MOST_COUNTED = 10_000


def exact(rows: QuerySet[Any, Any]) -> int | None:
    """Return how many there are; None for more than `MOST_COUNTED`."""
    number = rows.order_by()[: MOST_COUNTED + 1].count()
    return number if number <= MOST_COUNTED else None
