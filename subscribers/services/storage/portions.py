"""Deletes very many rows, a portion in a transaction, so that others' writes get in between."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

AT_ONCE = 5000
# SQLite's waiting writers look every 100 ms at the latest whether they may write.
SECONDS_BETWEEN = 0.05


def delete_most(rows: QuerySet[Any], *, check: Callable[[], object]) -> int:
    """Delete all but a last portion, which may grow meanwhile; newest first, outside transactions.
    Returns how many. Idempotent.

    `check` begins each portion's transaction: it locks, and raises where the rows must stay.
    """
    deleted = 0
    while True:
        with transaction.atomic():
            check()
            newest = list(rows.order_by("-id").values_list("pk", flat=True)[:AT_ONCE])
            if len(newest) < AT_ONCE:
                return deleted
            rows.filter(pk__in=newest).delete()
        deleted += len(newest)
        if connection.vendor == "sqlite":
            time.sleep(SECONDS_BETWEEN)
