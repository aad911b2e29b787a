"""Actions on a subscriber: send the confirmation again, confirm, unsubscribe, suppress, export."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone

from config.admin_base import ReadOnlyAdmin, RowAction, admin_url, view_url
from config.readable import moment
from events.models import Sequence as SequenceRow
from events.services.people import document
from events.wording.reasons import reason_in_words
from subscribers.admin import reasons
from subscribers.admin.circumstances import by_operator
from subscribers.models import Subscriber, Suppression
from subscribers.services.consent import asking, confirmations, suppressions, unsubscribing
from subscribers.wire import addresses

Status = Subscriber.Status
ASK = RowAction(
    name="ask-again",
    label="Send the confirmation again",
    explanation="At most one a day and three in all.",
)
CONFIRM = RowAction(
    name="confirming",
    label="Confirm manually…",
    explanation="For someone whose consent you have in another form. The ledger keeps your reason.",
    is_link=True,
    is_minor=True,
)
LEAVE = RowAction(
    name="leaving",
    label="Unsubscribe…",
    explanation="Stops marketing mail. Only the person can subscribe again.",
    is_link=True,
)
SUPPRESS = RowAction(
    name="suppressing",
    label="Suppress…",
    explanation="No mail of any kind goes to this address, even for another subscriber.",
    is_link=True,
    is_dangerous=True,
    is_minor=True,
)
WHY = RowAction(
    name="why",
    label="Why (not)?",
    explanation="Why this person did or did not get the mail of a sequence.",
    is_link=True,
)
EXPORT = RowAction(
    name="export",
    label="Export everything",
    explanation="Everything stored about this person, as one JSON file.",
    is_minor=True,
)
ADD_SUPPRESSION = "subscribers.add_suppression"
MOST_SEQUENCES = 500
EXPLANATION = "They become active and join the default lists; their waiting enrollments continue."


class SubscriberActions(ReadOnlyAdmin):
    """Each action is a POST with a log entry; three ask for a reason on a page first."""

    def row_actions(self, request: HttpRequest, row: Subscriber) -> Sequence[RowAction]:
        found = [ASK, CONFIRM] if row.status == Status.PENDING else []
        if not unsubscribing.has_left(row):
            found.append(LEAVE)
        if request.user.has_perm(ADD_SUPPRESSION) and not _is_suppressed(row):
            found.append(SUPPRESS)
        found += [WHY, EXPORT]
        return found

    def action_urls(self) -> list[URLPattern]:
        return [
            self.action_url("ask-again", self.ask_again),
            self.action_url("confirm", self.confirm),
            self.action_url("leave", self.leave),
            self.action_url("suppress", self.suppress),
            self.action_url("export", self.export),
            self.view_url(WHY.name, self.show_sequences),
            self.view_url("confirming", self.show_confirming),
            self.view_url("leaving", self.show_leaving),
            self.view_url("suppressing", self.show_suppressing),
        ]

    def ask_again(self, request: HttpRequest, subscriber: Subscriber) -> None:
        asked = asking.ask_by_id(
            subscriber_id=subscriber.pk, circumstances=by_operator(request), now=timezone.now()
        )
        if not asked.is_queued:
            again = f" It can be sent from {moment(asked.retry_at)} on." if asked.retry_at else ""
            messages.error(request, f"Not sent: {reason_in_words(asked.reason)}.{again}")
            return
        said = "The confirmation is in the outbox."
        self.tell_done(request, subscriber, "Sent the confirmation again", said=said)

    def show_sequences(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        """Ask for which sequence; its own page has the answer."""
        if not request.user.has_perm("events.view_sequence"):
            raise PermissionDenied
        rows = SequenceRow.objects.filter(workspace_id=subscriber.workspace_id).order_by("name")
        person = urlencode({"person": subscriber.public_id})
        return self.page(
            request,
            "admin/choose_sequence.html",
            title=f"Why (not)? {subscriber}",
            person=subscriber,
            back=admin_url(subscriber),
            sequences=[(row, f"{view_url(row, 'why')}?{person}") for row in rows[:MOST_SEQUENCES]],
        )

    def show_confirming(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        return reasons.ask(
            self,
            request,
            subscriber,
            label="Confirm",
            explanation=EXPLANATION,
            action="confirm",
        )

    def confirm(self, request: HttpRequest, subscriber: Subscriber) -> None:
        reason = reasons.given(request)
        if reason is None:
            return
        is_changed = confirmations.confirm_by_hand(
            subscriber_id=subscriber.pk,
            reason=reason,
            circumstances=by_operator(request),
            now=timezone.now(),
        )
        if not is_changed:
            messages.warning(request, "Nothing changed: only pending people can be confirmed.")
            return
        said = f"{subscriber} is confirmed."
        self.tell_done(request, subscriber, f"Confirmed: {reason}", said=said)

    def show_leaving(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        return reasons.ask(
            self,
            request,
            subscriber,
            label="Unsubscribe",
            explanation="Marketing mail ends at once. Transactional mail is still sent.",
            action="leave",
        )

    def leave(self, request: HttpRequest, subscriber: Subscriber) -> None:
        reason = reasons.given(request)
        if reason is None:
            return
        left = unsubscribing.leave(
            subscriber_ids=[subscriber.pk],
            now=timezone.now(),
            method=confirmations.ConfirmationMethod.HAND,
            circumstances=by_operator(request),
            reason=reason,
        )
        if not left:
            messages.warning(request, "Nothing changed: they are unsubscribed already.")
            return
        said = f"{subscriber} is unsubscribed."
        self.tell_done(request, subscriber, f"Unsubscribed: {reason}", said=said)

    def show_suppressing(self, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
        return reasons.ask(
            self,
            request,
            subscriber,
            label="Suppress",
            explanation="No mail goes to the address, and every enrollment ends.",
            action="suppress",
        )

    def suppress(self, request: HttpRequest, subscriber: Subscriber) -> None:
        if not request.user.has_perm(ADD_SUPPRESSION):
            raise PermissionDenied
        reason = reasons.given(request)
        if reason is None:
            return
        try:
            suppressions.suppress(
                workspace=subscriber.workspace,
                address=subscriber.email,
                reason=Suppression.Reason.MANUAL,
                source=suppressions.SuppressionSource.ADMIN,
                details=reason,
                circumstances=by_operator(request),
                now=timezone.now(),
            )
        except addresses.InvalidAddress as error:
            messages.error(request, f"The stored address {error}")
            return
        said = f"{subscriber} gets no more mail."
        self.tell_done(request, subscriber, f"Suppressed: {reason}", said=said)

    def export(self, request: HttpRequest, subscriber: Subscriber) -> StreamingHttpResponse:
        self.log_change(request, subscriber, "Exported everything stored about them")
        return StreamingHttpResponse(
            document.chunks(subscriber=subscriber, now=timezone.now()),
            content_type="application/json",
            # The file's name holds no address.
            headers={"Content-Disposition": f'attachment; filename="{subscriber.public_id}.json"'},
        )


def _is_suppressed(subscriber: Subscriber) -> bool:
    return suppressions.is_suppressed(
        workspace=subscriber.workspace, email_key=subscriber.email_key
    )
