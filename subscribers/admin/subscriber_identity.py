"""Actions that change a subscriber's identity: new address, merge, erasure."""

from collections.abc import Sequence
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone

from config.admin_base import RowAction, admin_url, list_url, view_url
from events.models import Enrollment, Event
from subscribers.admin.circumstances import by_operator
from subscribers.admin.subscriber_actions import SubscriberActions
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.audience import named_people
from subscribers.services.people import changing_address, erasing, merging
from subscribers.wire import addresses

# Deleting more takes longer than a request may.
MOST_EVENTS = 20_000
LONGEST_NAME = 300
DELETE = "subscribers.delete_subscriber"
NOBODY = "somebody who was erased"
CHANGE_ADDRESS = RowAction(
    name="changing-address",
    label="Change the address…",
    explanation="The person stays the same. Mail that is waiting goes to the new address.",
    is_link=True,
    is_minor=True,
)
MERGE = RowAction(
    name="merging",
    label="Merge with another…",
    explanation="When two subscribers are one person: the other is merged into this one.",
    is_link=True,
    is_minor=True,
    is_dangerous=True,
)
ERASE = RowAction(
    name="erasing",
    label="Erase…",
    explanation="Deletes everything that names the person, for good. The next page says what.",
    is_link=True,
    is_minor=True,
    is_dangerous=True,
)
ABOUT_ADDRESS = (
    "Make sure that it is theirs: active people stay active, pending people get a confirmation at "
    "the new address, and a bounce of the old one no longer counts. Nobody else may have it."
)
ABOUT_MERGING = (
    "The other's events, enrollments, mails, tags, lists and ledger move to this person, who keeps "
    "their address, and their external id and names where they have them. The stricter status "
    "applies. The other row is deleted for good."
)


class IdentityActions(SubscriberActions):
    """Each action is a POST with a log entry, and has a page that asks first."""

    def row_actions(self, request: HttpRequest, row: Subscriber) -> Sequence[RowAction]:
        found = [*super().row_actions(request, row), CHANGE_ADDRESS]
        return [*found, MERGE, ERASE] if request.user.has_perm(DELETE) else found

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self.view_url("changing-address", self.show_changing_address),
            self.action_url("change-address", self.change_address),
            self.view_url("merging", self.show_merging),
            self.action_url("merge", self.merge),
            self.view_url("erasing", self.show_erasing),
            self.action_url("erase", self.erase),
        ]

    def show_changing_address(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        return self._ask(
            request,
            subscriber,
            title=f"Change the address of {subscriber}",
            explanation=ABOUT_ADDRESS,
            question="The new address",
            label="Change",
            address=view_url(subscriber, "change-address"),
        )

    def change_address(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse | None:
        try:
            changed = changing_address.change(
                subscriber_id=subscriber.pk,
                address=_answer(request),
                circumstances=by_operator(request),
                now=timezone.now(),
            )
        except addresses.InvalidAddress as error:
            messages.error(request, f"The address {error}")
        except (changing_address.AddressTaken, erasing.SubscriberGone) as error:
            messages.error(request, str(error))
        else:
            subscriber.refresh_from_db()
            self.log_change(request, subscriber, "Changed the address")
            asked = " A confirmation to it is queued." if changed.is_asked else ""
            messages.success(request, f"The address is {changed.email} now.{asked}")
            return None
        return HttpResponseRedirect(view_url(subscriber, "changing-address"))

    def show_merging(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        _refuse_others(request)
        return self._ask(
            request,
            subscriber,
            title=f"Merge another into {subscriber}",
            explanation=ABOUT_MERGING,
            question=f"The other, named by {named_people.FORMS}",
            label="Merge",
            variant="danger",
            address=view_url(subscriber, "merge"),
        )

    def merge(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse | None:
        _refuse_others(request)
        try:
            other = named_people.find(workspace=subscriber.workspace, name=_answer(request))
            merged = merging.merge(
                kept_id=subscriber.pk,
                gone_id=other.pk,
                attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
                circumstances=by_operator(request),
                now=timezone.now(),
            )
        except (named_people.NobodyNamed, merging.CannotMerge) as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(view_url(subscriber, "merging"))
        subscriber.refresh_from_db()
        self.log_change(request, subscriber, f"Merged {other.public_id} into this person")
        messages.success(request, f"{other} is merged into {subscriber}, who is {merged.status}.")
        if merged.is_without_attributes:
            messages.warning(
                request, "The other's attributes are lost: together they are too long."
            )
        return None

    def show_erasing(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        _refuse_others(request)
        events = _events_of(subscriber)
        return self.page(
            request,
            "admin/erase_subscriber.html",
            title=f"Erase {subscriber}",
            row=subscriber,
            back=admin_url(subscriber),
            address=view_url(subscriber, "erase"),
            going=_going(subscriber, events),
            is_too_much=events > MOST_EVENTS,
        )

    def erase(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        """Erase the person; the log entry does not name them."""
        _refuse_others(request)
        if _events_of(subscriber) > MOST_EVENTS:
            messages.error(request, "Nothing was changed: use the command for so many events.")
            return HttpResponseRedirect(view_url(subscriber, "erasing"))
        try:
            erased = erasing.erase(
                subscriber_id=subscriber.pk,
                circumstances=by_operator(request),
                now=timezone.now(),
                allows_return="allow_return" in request.POST,
            )
        except erasing.SubscriberGone as error:
            messages.warning(request, str(error))
            return HttpResponseRedirect(list_url(Subscriber))
        LogEntry.objects.create(
            user=cast("User", request.user),
            content_type=ContentType.objects.get_for_model(Subscriber),
            object_id=None,
            object_repr=NOBODY,
            action_flag=DELETION,
            change_message=f"Erased, with {erased.events} events and {erased.mails} mails",
        )
        messages.success(request, "Erased. A hash and a ledger record remain.")
        return HttpResponseRedirect(list_url(Subscriber))

    def _ask(
        self, request: HttpRequest, subscriber: Subscriber, **context: str
    ) -> TemplateResponse:
        return self.page(
            request,
            "admin/ask_one_thing.html",
            row=subscriber,
            back=admin_url(subscriber),
            longest=LONGEST_NAME,
            **context,
        )


def _refuse_others(request: HttpRequest) -> None:
    if not request.user.has_perm(DELETE):
        raise PermissionDenied


def _answer(request: HttpRequest) -> str:
    return request.POST.get("answer", "").replace("\0", "").strip()[:LONGEST_NAME]


def _events_of(subscriber: Subscriber) -> int:
    """Return the number of events, up to one more than the page deletes."""
    return Event.objects.filter(subscriber=subscriber)[: MOST_EVENTS + 1].count()


def _going(subscriber: Subscriber, events: int) -> list[str]:
    many = f"more than {MOST_EVENTS:,}" if events > MOST_EVENTS else f"{events:,}"
    enrollments = Enrollment.objects.filter(subscriber=subscriber).count()
    mails = OutgoingEmail.objects.filter(subscriber=subscriber).count()
    records = ConsentRecord.objects.filter(subscriber=subscriber).count()
    return [
        "their row, with address, external id, names, attributes, tags and lists",
        f"events: {many}",
        f"enrollments, with what each step did: {enrollments:,}",
        f"mails, with their texts: {mails:,}",
        f"ledger records: {records:,}",
        "entries of the admin's log about them, kept answers and rejected import rows with them",
    ]
