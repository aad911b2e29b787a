"""The alarms on the admin's home page: what an operator must know at once.

An alarm is shown to users who may see its subject, and links to where to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from config.admin_base import admin_url, list_url, view_url
from config.readable import sentence, time_tag
from config.sign_in import limits
from config.sign_in.models import SignIn
from events.models import Enrollment, Worker
from events.services import worker_reports
from events.services.engine import away_receivers, mail_gauges
from events.services.enrollments import retrying
from events.wording import losses
from subscribers.models import AskedHour, Installation, OutgoingEmail
from subscribers.services.consent import breakers
from subscribers.services.outbox import flow

# The current hour and those just before: a confirmation delayed then may still wait.
LATEST = timedelta(hours=3)
MOST_BREAKERS = 5
MOST_LOSSES = 10
# A higher count is not read to its end: the exact number costs and helps nobody.
MOST_COUNTED = 1001


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A sentence, the permission to see it, and a link."""

    text: str
    permission: str
    link: str
    address: str


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the home page's context the alarms that the user may see; the skin calls this."""
    shown = [each for each in current(now=timezone.now()) if request.user.has_perm(each.permission)]
    return {**context, "alarms": shown}


def current(*, now: datetime) -> list[Alarm]:
    """Return what is wrong, the worst first; a few indexed queries."""
    return [
        *_on_hold(),
        *_no_worker(now),
        *_no_mail(now),
        *_no_receiver(),
        *_guessing(now),
        *_delaying(now),
        *_unknown(),
        *_losses(now),
    ]


def _on_hold() -> Iterator[Alarm]:
    held = Installation.objects.filter(on_hold_since__isnull=False).first()
    if held:
        yield Alarm(
            text="This is a restored copy on hold: no mail is sent, and no enrollment moves on.",
            permission="subscribers.view_installation",
            link="Resume it",
            address=admin_url(held),
        )


def _no_worker(now: datetime) -> Iterator[Alarm]:
    problem = worker_reports.health(now=now).problem
    if problem:
        yield Alarm(
            text=f"No mail is sent, and no enrollment moves on. {problem}",
            permission="events.view_worker",
            link="Workers",
            address=list_url(Worker),
        )


def _no_mail(now: datetime) -> Iterator[Alarm]:
    gauges = mail_gauges.read(now=now)
    for stop in gauges.stops:
        yield Alarm(
            text=sentence("{}. Mails that wait: {}.", stop.words, f"{gauges.all_waiting:,}"),
            permission="subscribers.view_outgoingemail",
            link="What to do",
            address=flow.HANDBOOK,
        )


def _no_receiver() -> Iterator[Alarm]:
    for receiver in away_receivers.read():
        yield Alarm(
            text=sentence("{}.", receiver.words),
            permission="events.view_enrollment",
            link="What happens",
            address="/docs/steps/#webhook",
        )


def _losses(now: datetime) -> Iterator[Alarm]:
    found = retrying.losses(now=now)
    for loss in found[:MOST_LOSSES]:
        yield Alarm(
            text=sentence("{}.", losses.in_words(loss)),
            permission="events.view_sequence",
            link="Retry all…",
            address=view_url(loss.sequence, "retrying"),
        )
    if len(found) > MOST_LOSSES:
        yield Alarm(
            text=f"More steps failed: {len(found) - MOST_LOSSES}.",
            permission="events.view_sequence",
            link="Failed enrollments",
            address=list_url(Enrollment, status__exact="failed"),
        )


def _guessing(now: datetime) -> Iterator[Alarm]:
    if limits.is_full(now=now):
        yield Alarm(
            text=(
                "Too many wrong passwords from many addresses: nobody can sign in from an address "
                "from which nobody signed in before."
            ),
            permission="sign_in.view_signin",
            link="Sign-ins",
            address=list_url(SignIn),
        )


def _delaying(now: datetime) -> Iterator[Alarm]:
    """Name the breakers that delay confirmations: a sign-up form may be under attack."""
    for hour in breakers.delayed_since(since=now - LATEST)[:MOST_BREAKERS]:
        yield Alarm(
            text=sentence(
                "Too many confirmations {} in the hour from {}: {} sent, {} delayed. "
                "None is lost; is a robot filling in your forms?",
                _subject(hour),
                time_tag(hour.starts_at),
                f"{hour.mails:,}",
                f"{hour.delayed:,}",
            ),
            permission="subscribers.view_outgoingemail",
            link="Waiting confirmations",
            address=list_url(OutgoingEmail, kind__exact="confirmation", status__exact="queued"),
        )


def _subject(hour: AskedHour) -> str:
    match hour.scope:
        case AskedHour.Scope.DOMAIN:
            return f"to {hour.subject}"
        case AskedHour.Scope.KEY:
            return f"by the API key {hour.subject}"
    return "in all"


def _unknown() -> Iterator[Alarm]:
    rows = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.UNKNOWN)
    count = rows.order_by()[:MOST_COUNTED].count()
    if count:
        number = f"More than {MOST_COUNTED - 1:,}" if count == MOST_COUNTED else f"{count:,}"
        mails = "mail was" if count == 1 else "mails were"
        yield Alarm(
            text=(
                f"{number} {mails} handed over without an answer and may have arrived: "
                "resolve each."
            ),
            permission="subscribers.view_outgoingemail",
            link="Mails with unknown delivery",
            address=list_url(OutgoingEmail, status__exact="unknown"),
        )
