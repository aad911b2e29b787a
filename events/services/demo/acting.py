"""What the people of a demo do, by the product's services: events, confirmations, unsubscribing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import assert_never
from uuid import UUID

from django.db.models import QuerySet

from events.intake.payloads import EventDraft, Limits
from events.models import Enrollment
from events.services.demo.catalogue import BETA, BROWSERS, WEBINARS
from events.services.demo.lives import Deed, Life, PlannedEvent
from events.services.demo.mail_server import Clock
from events.services.enrollments import by_operator
from events.services.ingestion import ingest
from events.services.ingestion.outcomes import Outcome, Recorded
from events.services.ingestion.request import IngestRequest
from subscribers.models import Confirmation, List, Subscriber, Suppression, Workspace
from subscribers.services.consent import confirmations, suppressions, unsubscribing
from subscribers.services.consent.confirmations import ConfirmationMethod
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.wire import addresses
from subscribers.wire.payloads import Person

# The time between an event and its receipt.
TIME_TO_ARRIVE = timedelta(milliseconds=180)
# The shares of confirmed people who join a list.
JOINING = {WEBINARS: 0.3, BETA: 0.08}


@dataclass(slots=True, kw_only=True)
class Actor:
    """Acts for the people at the time of the clock, in the caller's transaction."""

    workspace: Workspace
    limits: Limits
    random: Random
    clock: Clock
    _ids: dict[int, UUID] = field(default_factory=dict)
    _events: int = 0

    def act(self, life: Life, what: PlannedEvent | Deed) -> bool:
        """Do one thing of a life, whose first event signs it up; False if it had no effects."""
        if isinstance(what, PlannedEvent):
            return self._report(life, what)
        person = Subscriber.objects.locked_one(self._ids[life.number])
        if person is not None:
            person.workspace = self.workspace
            self._do(what, life, person)
        return True

    def _do(self, deed: Deed, life: Life, person: Subscriber) -> None:
        is_active = person.status == Subscriber.Status.ACTIVE
        match deed:
            case Deed.CONFIRMS:
                self._confirm(life, person)
            case Deed.LEAVES:
                if is_active:
                    self._leave(person)
            case Deed.COMPLAINS:
                if is_active:
                    suppressions.suppress(
                        workspace=self.workspace,
                        address=person.email,
                        reason=Suppression.Reason.COMPLAINT,
                        source=SuppressionSource.WEBHOOK,
                        now=self.clock.now,
                    )
            case Deed.ENROLLMENT_PAUSED:
                for enrollment in self._latest(person):
                    by_operator.pause(enrollment=enrollment, now=self.clock.now)
            case Deed.ENROLLMENT_CANCELLED:
                for enrollment in self._latest(person):
                    by_operator.cancel(enrollment=enrollment, now=self.clock.now)
            case _:
                assert_never(deed)

    def _report(self, life: Life, happening: PlannedEvent) -> bool:
        """Report an event as an application does: all about a new person, then the id alone."""
        self.clock.reach(happening.at + TIME_TO_ARRIVE)
        is_new = life.number not in self._ids
        self._events += 1
        names = {"first_name": life.first_name, "last_name": life.last_name}
        result = ingest.record(
            IngestRequest(
                workspace=self.workspace,
                person=Person(
                    email=addresses.parse(life.email),
                    external_id=f"user_{life.number + 1}",
                    texts=names if is_new else {},
                    attributes=life.attributes if is_new else {},
                ),
                events=[
                    EventDraft(
                        name=happening.name,
                        properties=happening.properties,
                        occurred_at=happening.at,
                        event_id=f"{happening.name}-{life.number}-{self._events}",
                        is_historical=False,
                    )
                ],
                limits=self.limits,
                now=self.clock.now,
                is_test=life.is_test,
            )
        )
        if is_new:
            person = result.subscriber
            self._ids[life.number] = person.pk if isinstance(person, Subscriber) else person.id
            # Requests have no time zone; imports do.
            Subscriber.objects.filter(pk=self._ids[life.number]).update(timezone=life.timezone)
        return is_new or result.opt_in is not None or _has_effects(result.outcomes)

    def _confirm(self, life: Life, person: Subscriber) -> None:
        now = self.clock.now
        if life.is_test:
            confirmations.confirm_by_hand(
                subscriber_id=person.pk,
                reason="Our own test account",
                circumstances=Circumstances(actor="admin"),
                now=now,
            )
            return
        methods = ConfirmationMethod
        browser = self._browser()
        confirmations.confirm(
            confirmation=Confirmation.objects.get(subscriber=person, closed_at=None),
            method=self.random.choice((methods.GESTURE, methods.GESTURE, methods.BUTTON)),
            circumstances=browser,
            now=now,
        )
        joined = [name for name, share in JOINING.items() if self.random.random() < share]
        if joined:
            person.refresh_from_db(fields=["status"])
            lists = List.objects.filter(workspace=self.workspace, name__in=joined)
            unsubscribing.join_lists(
                subscriber=person,
                list_ids=list(lists.values_list("pk", flat=True)),
                circumstances=browser,
                now=now,
            )

    def _leave(self, person: Subscriber) -> None:
        method = self.random.choice((UnsubscribeMethod.ONE_CLICK, UnsubscribeMethod.PAGE))
        is_page = method is UnsubscribeMethod.PAGE
        unsubscribing.leave(
            subscriber_ids=[person.pk],
            now=self.clock.now,
            method=method,
            circumstances=self._browser(),
            reason=self.random.choice(("", "", "Too many mails")) if is_page else "",
        )

    def _latest(self, person: Subscriber) -> QuerySet[Enrollment]:
        waiting = Enrollment.objects.filter(subscriber=person, status=Enrollment.Status.WAITING)
        return waiting.order_by("-id")[:1]

    def _browser(self) -> Circumstances:
        """Return the circumstances of an answer; the addresses are reserved for documentation."""
        ip = f"203.0.113.{self.random.randint(1, 254)}"
        return Circumstances(ip=ip, user_agent=self.random.choice(BROWSERS))


def _has_effects(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(each, Recorded) and each.effects for each in outcomes)
