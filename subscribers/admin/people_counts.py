"""Tags and lists: the number of their people, which leads to them, and deleting without all of them
in one transaction.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from django.contrib.admin.utils import unquote
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_actions import end_log
from config.admin_base import list_url
from config.admin_numbers import NumbersAdmin, in_words
from events.services.counts import current
from events.services.counts.current import Current
from events.services.sequences import name_uses
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

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Take it from most people in short transactions: Django's own is one for all the rest."""
        row = self.get_object(request, unquote(object_id)) if request.POST else None
        if row and self.has_delete_permission(request, row) and not self.reasons_to_keep(row):
            self._take_from_most(request, row)
        return super().delete_view(request, object_id, extra_context)

    def take_from_most(self, row: Any, check: Callable[[], object]) -> int:  # noqa: ANN401 - as above
        raise NotImplementedError

    def _take_from_most(self, request: HttpRequest, row: Any) -> None:  # noqa: ANN401 - as above
        def check() -> None:
            locked = self.model._default_manager.select_for_update().get(pk=row.pk)
            name_uses.refuse_if_used(self.reasons_to_keep(locked))

        begun = self.log_begun(request, row, "Take it from everybody, to delete it")
        # Whatever keeps it, the page says so.
        with suppress(name_uses.InUse, ObjectDoesNotExist):
            if taken := self.take_from_most(row, check):
                end_log(begun, f"Took it from {taken:,} people, to delete it")
            else:
                begun.delete()
