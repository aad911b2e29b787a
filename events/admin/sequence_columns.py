"""The numbers in the list of sequences: of now, and of the last seven days."""

from collections.abc import Sequence as Several
from datetime import datetime, timedelta

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import list_url
from config.admin_numbers import NumbersAdmin, in_words
from events.models import Enrollment, Sequence
from events.services.counts import numbers
from events.services.counts.numbers import Measure, SequenceTotals

DAYS = 7


class SequenceColumns(NumbersAdmin):
    def add_numbers(self, rows: Several[Sequence]) -> None:
        today = timezone.now().date()
        found = numbers.of_sequences(
            ids=[row.pk for row in rows], since=today - timedelta(days=DAYS - 1), until=today
        )
        for row in rows:
            row.totals = found[row.pk]  # type: ignore[attr-defined]

    @admin.display(description="under way")
    def under_way(self, sequence: Sequence) -> SafeString:
        now = _totals(sequence).under_way
        address = list_url(Enrollment, sequence__id__exact=sequence.pk, under_way="yes")
        words = in_words(now.count, counted_at=now.counted_at, now=timezone.now())
        return format_html('<a href="{}">{}</a>', address, words)

    @admin.display(description=f"entered, {DAYS} days")
    def entered(self, sequence: Sequence) -> str:
        return f"{_totals(sequence).numbers.of(Measure.ENTERED):,}"

    @admin.display(description=f"mailed, {DAYS} days")
    def mailed(self, sequence: Sequence) -> str:
        return f"{_totals(sequence).numbers.of(Measure.MAILED):,}"

    @admin.display(description="edited")
    def edited(self, sequence: Sequence) -> datetime:
        return sequence.updated_at


def _totals(sequence: Sequence) -> SequenceTotals:
    return sequence.totals  # type: ignore[attr-defined, no-any-return]
