"""Filters of the outbox: by sequence, reason, the server's words, and what became of a mail.

No index serves them: the list looks at a bounded number of rows (`config.admin_scanning`).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from config import workspace_choice
from config.admin_base import starting_with
from config.admin_filters import ChoiceFilter, FieldFilter
from config.admin_scanning import Scanned, ScanningList
from events.models import Enrollment
from events.models import Sequence as SequenceRow
from events.services.counts import outbox_lines
from events.services.engine import mail_gauges
from events.wording.reasons import reason_in_words
from subscribers.models import MailActivity, OutgoingEmail

MOST_OFFERED = 200
NONE = "none"
ONLY_DUE = "it only waits for a worker"
NO_SEQUENCE = "No sequence (such as confirmations)"
# Offered; a link may name others.
REASONS = (
    "mail_server_away", "mail_login_refused", "mail_deferred", "mail_paused", "no_sender",
    "confirmations_delayed", "subscriber_unsubscribed", "subscriber_bounced",
    "subscriber_complained", "subscriber_pending", "suppressed", "not_on_list",
    "not_in_allow_list", "test_key", "mail_is_blank", "confirmation_closed", "already_confirmed",
    "enrollment_ended", "skipped_by_hand", "step_retried",
)  # fmt: skip


class OutboxList(ScanningList):
    rows_are = "mails"


class OfSequence(Scanned, FieldFilter):
    """Mails of a sequence's steps, whose cause names the step; or those without a sequence."""

    template = "admin/filter_choice.html"
    title = "Sequence"
    parameter_name = "sequence"

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        if text == NONE:
            return queryset.exclude(cause__startswith=Enrollment.MAIL_CAUSE_PREFIX)
        return outbox_lines.of_sequence(rows=queryset, sequence_id=UUID(text))

    @cached_property
    def options(self) -> Mapping[str, str]:
        rows = SequenceRow.objects.exclude(status=SequenceRow.Status.ARCHIVED)
        if workspace_id := workspace_choice.narrowing(self.request):
            rows = rows.filter(workspace=workspace_id)
        named = rows.order_by("name", "pk").values_list("pk", "name")[:MOST_OFFERED]
        return {NONE: NO_SEQUENCE, **{pk.hex: name for pk, name in named}}

    @property
    def text(self) -> str:
        """Return a value of the options; an id in another form of writing is the same."""
        text = super().text
        return text if text in {"", NONE} else UUID(text).hex

    @cached_property
    def in_words(self) -> str:
        if not self.text or self.text in self.options:
            return self.options.get(self.text, "")
        known = SequenceRow.objects.filter(pk=UUID(self.text)).first()
        return str(known) if known else "a deleted sequence"


class ForReason(Scanned, FieldFilter):
    template = "admin/filter_choice.html"
    title = "Reason"
    parameter_name = "because"
    help_text = "Why it waits, or was not sent"

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        if text != mail_gauges.DUE:
            return queryset.filter(reason=text)
        queued = queryset.filter(status=OutgoingEmail.Status.QUEUED)
        return queued.exclude(reason__in=mail_gauges.REASONS)

    @property
    def options(self) -> Mapping[str, str]:
        words = {mail_gauges.DUE: ONLY_DUE, **{each: reason_in_words(each) for each in REASONS}}
        return words if self.text in {"", *words} else {**words, self.text: self.in_words}

    @property
    def in_words(self) -> str:
        return ONLY_DUE if self.text == mail_gauges.DUE else reason_in_words(self.text)


class ErrorBegins(Scanned, FieldFilter):
    title = "Error begins with"
    parameter_name = "error"
    help_text = "The mail server's words, such as 550 5.1.1"

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(starting_with("last_error", text))


class Became(Scanned, ChoiceFilter):
    """What became of a sent mail; what a machine opened or followed counts apart."""

    title = "What became of it"
    parameter_name = "activity"
    options = {
        "delivered": "Delivered",
        "opened": "Opened, not by a machine",
        "clicked": "Clicked, not by a machine",
        "machine": "Opened or clicked by a machine",
        "bounced": "Bounced",
        "complained": "Reported as spam",
        "unsubscribed": "Unsubscribed",
        NONE: "Nothing is known",
    }

    def narrow(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        known = MailActivity.objects.filter(email=OuterRef("pk"))
        machine = Q(quality=MailActivity.Quality.MACHINE)
        if text == NONE:
            return queryset.filter(~Exists(known), status=OutgoingEmail.Status.SENT)
        if text == "machine":
            return queryset.filter(Exists(known.filter(machine)))
        return queryset.filter(Exists(known.filter(~machine, kind=text)))


OF_OUTBOX: Sequence[type[FieldFilter]] = (OfSequence, ForReason, ErrorBegins, Became)
