"""The number of people with a tag or on a list, which leads to them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import list_url
from config.admin_numbers import NumbersAdmin, in_words
from events.services.counts import current
from events.services.counts.current import Current
from subscribers.models import Subscriber


class PeopleCounts(NumbersAdmin):
    subject: ClassVar[current.Subject]
    # The parameter of the list of subscribers that chooses those counted.
    parameter: ClassVar[str]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401 - as Django has it
        """Leave out, in the form of a new row, what only a stored one has."""
        fields = super().get_fields(request, obj)
        return fields if obj else [each for each in fields if each not in self.readonly_fields]

    def add_numbers(self, rows: Sequence[Any]) -> None:
        found = current.of(subject=self.subject, ids=[row.pk for row in rows])
        for row in rows:
            row.counted = found.get(row.pk, current.NOT_COUNTED)

    def people_of(self, row: Any) -> SafeString | str:  # noqa: ANN401 - a tag or a list
        """Return the number as a link to the people; a row's own page reads it."""
        if not hasattr(row, "counted"):
            self.add_numbers([row])
        counted: Current = row.counted
        words = in_words(counted.count, counted_at=counted.counted_at, now=timezone.now())
        address = list_url(Subscriber, **{self.parameter: row.pk.hex})
        return format_html('<a href="{}">{}</a>', address, words)
