"""An operator enrolls one person in a sequence, from the person's page."""

from collections.abc import Sequence as Several

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone

from config.admin_base import RowAction, admin_url, view_url
from events.models import Sequence
from events.services.enrollments import by_operator
from events.services.sequences.sequences import NotActive
from events.wording.reasons import reason_in_words
from subscribers import ids
from subscribers.admin.subscriber_editing import EditingActions
from subscribers.models import Subscriber

# The right to enroll people on the page of a sequence.
MAY_ENROLL = "events.change_sequence"
MOST_OFFERED = 500
ENROLL = RowAction(
    name="enrolling",
    label="Enroll…",
    explanation="Starts a sequence for this person, whatever its trigger.",
    is_link=True,
)


class EnrollingActions(EditingActions):
    """The button and page that enroll a person."""

    def row_actions(self, request: HttpRequest, row: Subscriber) -> Several[RowAction]:
        edit, *others = super().row_actions(request, row)
        return [edit, ENROLL, *others] if request.user.has_perm(MAY_ENROLL) else [edit, *others]

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self.view_url("enrolling", self.show_enrolling),
            self.action_url("enroll", self.enroll),
        ]

    def show_enrolling(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        _refuse_others(request)
        return self.page(
            request,
            "admin/enroll_person.html",
            title=f"Enroll {subscriber}",
            row=subscriber,
            back=admin_url(subscriber),
            address=view_url(subscriber, "enroll"),
            sequences=_offered(subscriber),
        )

    def enroll(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse | None:
        _refuse_others(request)
        chosen = ids.decode("seq", request.POST.get("sequence", ""))
        rows = Sequence.objects.filter(workspace=subscriber.workspace_id)
        sequence = rows.filter(pk=chosen).first() if chosen else None
        if sequence is None:
            messages.error(request, "Choose a sequence.")
            return HttpResponseRedirect(view_url(subscriber, "enrolling"))
        try:
            done = by_operator.enroll(
                sequence=sequence, subscribers=[subscriber], now=timezone.now()
            )
        except NotActive as error:
            messages.error(request, str(error))
            return None
        for reason in done.skipped.values():
            messages.warning(request, f"Not enrolled, since {reason_in_words(reason)}.")
        if done.enrolled:
            self.tell_done(request, subscriber, f"Enrolled in {sequence}")
        return None


def _offered(subscriber: Subscriber) -> list[Sequence]:
    rows = Sequence.objects.filter(workspace=subscriber.workspace_id)
    return list(rows.filter(status=Sequence.Status.ACTIVE).order_by("name", "pk")[:MOST_OFFERED])


def _refuse_others(request: HttpRequest) -> None:
    if not request.user.has_perm(MAY_ENROLL):
        raise PermissionDenied
