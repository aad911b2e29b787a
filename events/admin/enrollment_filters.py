"""Filters of the list of enrollments: under way or ended, of a sequence, at one of its steps."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from config.admin_filters import ChoiceFilter
from events.models import Enrollment, Sequence, Step
from events.services.engine import mail_gauges
from events.wording.reasons import reason_in_words
from events.wording.steps import row_in_words

MOST_OFFERED = 50


class UnderWayFilter(admin.SimpleListFilter):
    """Those that have not ended: the number on a sequence's page leads to as many rows."""

    title = "under way"
    parameter_name = "under_way"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "Under way"), ("no", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        is_under_way = Q(status__in=Enrollment.UNDER_WAY)
        return queryset.filter(is_under_way if self.value() == "yes" else ~is_under_way)


class SequenceFilter(admin.SimpleListFilter):
    title = "sequence"
    parameter_name = "sequence__id__exact"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        rows = Sequence.objects.exclude(status=Sequence.Status.ARCHIVED).order_by("name", "pk")
        return [
            (str(row_id), name) for row_id, name in rows.values_list("pk", "name")[:MOST_OFFERED]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(sequence=self.value()) if self.value() else queryset


class StepFilter(admin.SimpleListFilter):
    """Offers the steps of the chosen sequence's current version; links choose others too."""

    title = "step"
    parameter_name = "step__id__exact"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        sequence_id = _id_of(request.GET.get(SequenceFilter.parameter_name, ""))
        step_id = _id_of(request.GET.get(self.parameter_name, ""))
        offered = Q(pk__in=[])
        if sequence_id:
            current = Sequence.objects.filter(pk=sequence_id).values("current_version")
            offered |= Q(version__in=current)
        if step_id:
            offered |= Q(pk=step_id)
        rows = Step.objects.filter(offered).order_by("position")
        return [(str(row.pk), row_in_words(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(step=self.value()) if self.value() else queryset


class HeldMail(ChoiceFilter):
    """Those whose step is a mail that could leave now, by what holds it."""

    title = "Mail waits"
    parameter_name = "held"
    options = {
        mail_gauges.DUE: "for a worker alone",
        **{each: f"because {reason_in_words(each)}" for each in mail_gauges.REASONS},
    }

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        reasons = Q(reason=text)
        if text == mail_gauges.DUE:
            reasons = ~Q(reason__in=mail_gauges.REASONS)
        at_mail = Q(status=Enrollment.Status.ACTIVE, step__kind=Step.Kind.EMAIL)
        return queryset.filter(at_mail, reasons)


def _id_of(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None
