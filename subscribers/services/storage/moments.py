"""Moments as texts, for statements that read thousands of them to use a few.

Django makes a datetime of a column in about 5 microseconds, ten times as long as a text takes. The
texts are those of a connection in UTC, which all are, and sort as the moments do.
"""

from datetime import UTC, datetime

from django.db.models import CharField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast


def as_text(moment: Combinable) -> Cast:
    return Cast(moment, CharField())


def from_text(text: str) -> datetime:
    """Return the moment; SQLite's texts have no zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
