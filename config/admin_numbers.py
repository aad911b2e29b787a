"""Admin lists with numbers that the worker counted: read for a whole page at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime

from config.admin_base import BaseAdmin

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.views import ChangeList

NOT_COUNTED = "not counted yet"
# The worker counts each minute; a younger number needs no time.
FRESH = timedelta(minutes=5)


class NumbersAdmin(BaseAdmin):
    """A list whose rows have numbers."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        shown = super().get_changelist_instance(request)
        self.add_numbers(shown.result_list)
        return shown

    def add_numbers(self, rows: Sequence[Any]) -> None:
        """Read the numbers of the rows, and keep them in an attribute of each."""


def in_words(count: int, *, counted_at: datetime | None, now: datetime) -> str:
    """Return a number, and when it was counted where that is some minutes ago."""
    if counted_at is None:
        return NOT_COUNTED
    if now - counted_at <= FRESH:
        return f"{count:,}"
    at = localtime(counted_at)
    shape = "H:i" if at.date() == localtime(now).date() else "j M, H:i"
    return f"{count:,} as of {date_format(at, shape)} {at:%Z}"
