"""Why (not): a person is named, and each rule of the sequence gives its verdict."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.admin_base import BaseAdmin, admin_url, list_url
from events.admin import enrollment_history, named_person
from events.admin.sequence_editor.fields import text
from events.language import timing
from events.models import Enrollment, Sequence
from events.services.simulation import explaining
from events.wording import enrollments as enrollment_words
from events.wording import why as words
from subscribers.models import Subscriber
from subscribers.services.audience.named_people import NobodyNamed

DAY_HELP = "Empty: at any time."
FIRST_YEAR, LAST_YEAR = 1900, 2200
# Histories of more enrollments would make a long page; the others are linked.
MOST_HISTORIES = 2


class WhyForm(forms.Form):
    """Who, and optionally which event on which day."""

    person = text("Person", "An address, an external id or a sub_… id.", autocomplete="off")
    event = text("Event name", "Empty: the one that starts the sequence.")
    day = forms.DateField(required=False, label="Day", help_text=DAY_HELP)

    def __init__(self, *args: Any, sequence: Sequence, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sequence = sequence
        self.subscriber: Subscriber | None = None
        self.fields["day"].widget = text("", type="date").widget

    def clean_person(self) -> str:
        name = str(self.cleaned_data["person"])
        try:
            self.subscriber = named_person.find(workspace=self.sequence.workspace, name=name)
        except NobodyNamed as error:
            raise forms.ValidationError(str(error)) from error
        return name

    def clean_day(self) -> tuple[datetime, datetime] | None:
        """Return the day's beginning and end by the workspace's clock."""
        day = self.cleaned_data["day"]
        if day is None:
            return None
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise forms.ValidationError(f"The year must be {FIRST_YEAR} to {LAST_YEAR}.")
        zone = timing.zone_of(self.sequence.workspace.timezone)
        begins = datetime.combine(day, time(), zone)
        ends = datetime.combine(day + timedelta(days=1), time(), zone)
        return begins, ends - timedelta(microseconds=1)


def show(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> HttpResponse:
    data = request.GET if "person" in request.GET else None
    form = WhyForm(data, sequence=sequence)
    context: dict[str, object] = {"form": form, "sequence": sequence}
    if form.is_valid() and form.subscriber is not None:
        context |= _answer(form, sequence, form.subscriber)
    title = f"Why (not)? {sequence}"
    return page.page(request, "admin/why_not.html", title=title, **context)


def _answer(form: WhyForm, sequence: Sequence, person: Subscriber) -> dict[str, object]:
    now = timezone.now()
    found = explaining.explain(
        sequence=sequence,
        subscriber=person,
        now=now,
        event_name=form.cleaned_data["event"],
        between=form.cleaned_data["day"],
    )
    return {
        "found": found,
        "person": person,
        "person_address": admin_url(person),
        "verdict_lines": [words.in_one_sentence(found)],
        "entering": list(words.entering(found)),
        "arrivals": list(words.arrivals(found)),
        "mailing": list(words.mailing(found.mail)),
        "enrollments": [
            (
                each,
                admin_url(each),
                enrollment_words.what_next(each, now=now),
                list(enrollment_history.sentences(each)) if place < MOST_HISTORIES else [],
            )
            for place, each in enumerate(found.enrollments)
        ],
        "all_enrollments": list_url(
            Enrollment, subscriber__id__exact=person.pk, sequence__id__exact=sequence.pk
        ),
    }
