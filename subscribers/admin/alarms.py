"""What the admin's home page asks an operator to look at: alarms, and what needs a person.

Each is shown to users who may see its subject, and links to where to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse

from config.admin_base import admin_url, list_url, view_url
from config.readable import sentence, time_tag
from config.sign_in import limits
from config.sign_in.models import SignIn
from events.models import Enrollment, FailedStage, Worker
from events.services import worker_reports
from events.services.engine import away_receivers, mail_gauges
from events.services.enrollments import retrying
from events.wording import losses, mail_stops
from subscribers.admin.outbox_numbers import PAGE as OUTBOX_NUMBERS
from subscribers.models import AskedHour, ImportRun, Installation, OutgoingEmail, Workspace
from subscribers.services.consent import breakers

# The current hour and those just before: a confirmation delayed then may still wait.
LATEST = timedelta(hours=3)
MOST_BREAKERS = 5
MOST_LOSSES = 10
MOST_IMPORTS = 5
LATEST_IMPORTS = timedelta(days=7)
# A higher count is not read to its end: the exact number costs and helps nobody.
MOST_COUNTED = 1001


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A sentence, the permission to see it, and a link; `word` is its kind, for a label."""

    text: str
    permission: str
    link: str
    address: str
    word: str = ""


def current(*, now: datetime) -> list[Alarm]:
    """Return what is wrong, in all workspaces, the worst first; a few indexed queries."""
    return [
        *_on_hold(),
        *_no_worker(now),
        *_no_mail(now),
        *_no_receiver(),
        *_guessing(now),
        *_delaying(now),
    ]


def needs(*, workspace: Workspace | None, now: datetime) -> list[Alarm]:
    """Return what waits for a person, in a workspace or in all; a few indexed queries."""
    return [
        *_losses(workspace, now),
        *_unknown(workspace),
        *_failed_stages(workspace),
        *_imports(workspace, now),
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
            text=sentence(
                "{}. Mails that wait: {}.", mail_stops.in_words(stop), f"{gauges.all_waiting:,}"
            ),
            permission="subscribers.view_outgoingemail",
            link="Since when, and what waits",
            address=reverse(OUTBOX_NUMBERS),
        )


def _no_receiver() -> Iterator[Alarm]:
    for receiver in away_receivers.read():
        yield Alarm(
            text=sentence("{}.", receiver.words),
            permission="events.view_enrollment",
            link="What happens",
            address="/docs/steps/#webhook",
        )


def _losses(workspace: Workspace | None, now: datetime) -> Iterator[Alarm]:
    found = retrying.losses(now=now, workspace=workspace, most=retrying.MOST_SHOWN)
    for loss in found[:MOST_LOSSES]:
        yield Alarm(
            text=sentence("{}.", losses.in_words(loss)),
            permission="events.view_sequence",
            link="Retry all…",
            address=view_url(loss.sequence, "retrying"),
            word="failed",
        )
    if len(found) > MOST_LOSSES:
        yield Alarm(
            text=f"More steps failed: {len(found) - MOST_LOSSES}.",
            permission="events.view_sequence",
            link="Failed enrollments",
            address=list_url(Enrollment, status__exact="failed"),
            word="failed",
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


def _unknown(workspace: Workspace | None) -> Iterator[Alarm]:
    rows = OutgoingEmail.objects.filter(_of(workspace), status=OutgoingEmail.Status.UNKNOWN)
    count = rows.order_by()[:MOST_COUNTED].count()
    if count:
        mails = "mail was" if count == 1 else "mails were"
        yield Alarm(
            text=(
                f"{_number(count)} {mails} handed over without an answer and may have arrived: "
                "resolve each."
            ),
            permission="subscribers.view_outgoingemail",
            link="Mails with unknown delivery",
            address=list_url(OutgoingEmail, status__exact="unknown"),
            word="unknown",
        )


def _failed_stages(workspace: Workspace | None) -> Iterator[Alarm]:
    count = FailedStage.objects.filter(_of(workspace)).order_by()[:MOST_COUNTED].count()
    if count:
        effects = "effect of an event" if count == 1 else "effects of events"
        yield Alarm(
            text=f"{_number(count)} {effects} failed; the worker tries again.",
            permission="events.view_failedstage",
            link="Retries",
            address=list_url(FailedStage),
            word="retry",
        )


def _imports(workspace: Workspace | None, now: datetime) -> Iterator[Alarm]:
    """Name the latest imports with rejected rows, or that did not finish."""
    unfinished = (ImportRun.Status.INTERRUPTED, ImportRun.Status.FAILED)
    runs = ImportRun.objects.filter(
        Q(rejected__gt=0) | Q(status__in=unfinished),
        _of(workspace),
        started_at__gte=now - LATEST_IMPORTS,
        # Not those that were only looked through or tried.
        stage__in=["", ImportRun.Stage.IMPORT],
    )
    for run in runs.order_by("-pk")[:MOST_IMPORTS]:
        state = f"{run.get_status_display().lower()}, " if run.status in unfinished else ""
        rows = "row" if run.rejected == 1 else "rows"
        yield Alarm(
            text=sentence("{}: {}{} {} rejected.", str(run), state, f"{run.rejected:,}", rows),
            permission="subscribers.view_importrun",
            link="The import",
            address=admin_url(run),
            word="import",
        )


def _of(workspace: Workspace | None) -> Q:
    return Q(workspace=workspace) if workspace else Q()


def _number(count: int) -> str:
    return f"More than {MOST_COUNTED - 1:,}" if count == MOST_COUNTED else f"{count:,}"
