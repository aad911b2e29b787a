"""The demo: healthy, the same every time, with every state to be seen, and unable to mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import Model
from pytest_django.fixtures import Settings

from events.models import Enrollment, Event, EventCount, Sequence, StepRun
from events.services import demo as seeding
from events.services.counts import roll_ups
from events.services.counts.roll_ups import Kind
from events.services.demo import catalogue
from events.services.demo import demo as demo_making
from events.services.engine import claiming
from events.services.ingestion.request import current_limits
from subscribers.models import (
    ConsentRecord,
    ImportReject,
    ImportRun,
    MailActivity,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Suppression,
    Workspace,
)
from subscribers.services.audits.audits import Level
from subscribers.services.consent import deadlines
from subscribers.services.dispatch import queue as outbox_queue
from tests import factories
from tests.support.engine_running import advance_claimed
from tests.support.examining import NOON, levels
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
# So many show every state; fewer are made in less time.
ENOUGH, FEW = 60, 20
BRANCHES = dict.fromkeys(
    ("discount-mail", "call-mail", "Your projects are safe with us",
     "Shall we talk for ten minutes?"), "offer",
)  # fmt: skip


def make(slug: str = "demo", *, people: int = FEW) -> Workspace:
    """Return a demo of fewer people, as of noon."""
    return seeding.seed(slug=slug, now=NOON, limits=current_limits(), people=people).workspace


def column(model: type[Model], workspace: Workspace, *names: str) -> list[Any]:
    """Return columns of a workspace's rows, in an order that no id decides."""
    rows = model._default_manager.filter(workspace=workspace)
    return sorted(rows.values_list(*names, flat=len(names) == 1), key=str)


def drawn(model: type[Model], workspace: Workspace, *names: str) -> list[Any]:
    """Return columns as `column`; the ids decide which offer of a split a person gets."""
    rows = column(model, workspace, *names)
    return sorted(([BRANCHES.get(str(each), each) for each in row] for row in rows), key=str)


def test_every_state_can_be_seen_and_the_doctor_finds_nothing_else() -> None:
    demo = make(people=ENOUGH)

    enrollments, statuses = Enrollment.Status, OutgoingEmail.Status
    assert set(column(Enrollment, demo, "status")) == {*enrollments}
    assert set(column(OutgoingEmail, demo, "status")) == {*statuses} - {statuses.SENDING}
    assert set(column(Subscriber, demo, "status")) == {*Subscriber.Status}
    assert {*MailActivity.Quality} <= set(column(MailActivity, demo, "quality"))
    assert set(column(Suppression, demo, "reason")) == {"hard_bounce", "complaint"}
    assert {"asked", "reminded", "confirmed", "given_up", "left", "suppressed"} <= set(
        column(ConsentRecord, demo, "kind")
    )
    assert Sequence.objects.filter(workspace=demo, status=Sequence.Status.ACTIVE).count() == 3
    refused = ImportReject.objects.filter(run__workspace=demo).count()
    assert refused == sum(column(ImportRun, demo, "rejected")) == 6
    domains = {email.rpartition("@")[2] for email in column(Subscriber, demo, "email")}
    assert domains == {"example.com", "example.org", "example.net"}
    warned = ("Outbox, unknown", "Outbox, paused", "Sequences, losses")
    assert levels() == dict.fromkeys(warned, Level.WARNING)
    assert seeding.find_demo(slug="demo") == demo


def test_rows_and_their_ids_have_the_time_of_the_demo() -> None:
    demo = make()

    for model, name in (
        (Event, "received_at"),
        (Enrollment, "entered_at"),
        (StepRun, "ended_at"),
        (OutgoingEmail, "created_at"),
        (ConsentRecord, "at"),
        (SubscriberTag, "created_at"),
    ):
        for row_id, moment in model._default_manager.filter(workspace=demo).values_list("pk", name):
            made_at = datetime.fromtimestamp((row_id.int >> 80) / 1000, tz=UTC)
            assert NOON - timedelta(days=91) <= made_at <= NOON, model.__name__
            assert moment - timedelta(minutes=1) <= made_at, model.__name__
            assert moment <= NOON, model.__name__


def test_no_worker_claims_anything_before_the_demo_is_complete() -> None:
    play = demo_making.begin(slug="demo", now=NOON, limits=current_limits(), people=FEW)
    play.until(NOON - timedelta(days=30))

    assert claiming.claim_due(now=NOON, most_batches=9) == []
    assert outbox_queue.claim_queued(now=NOON) is None
    assert (deadlines.remind_due(now=NOON), deadlines.give_up_due(now=NOON)) == (0, 0)
    assert Workspace.objects.get(slug="demo").is_mail_paused
    play.release()
    assert claiming.claim_due(now=NOON, most_batches=9)


def test_no_step_of_it_calls_out() -> None:
    sequences: Any = (*catalogue.ACTIVE_SEQUENCES, *catalogue.DRAFTS)

    assert "webhook" not in {step["type"] for each in sequences for step in each["steps"]}


def test_the_same_moment_gives_the_same_demo() -> None:
    one, other = make("one", people=12), make("other", people=12)

    for model, names in (
        (Subscriber, ("email", "status", "created_at", "attributes")),
        (Event, ("definition__name", "occurred_at", "properties")),
        (Enrollment, ("sequence__key", "status", "due_at", "reason", "entry_slot")),
        (OutgoingEmail, ("status", "subject", "recipient", "sent_at")),
        (StepRun, ("step__key", "status", "error", "ended_at")),
        (MailActivity, ("kind", "quality", "email__recipient", "at", "reasons")),
    ):
        assert drawn(model, one, *names) == drawn(model, other, *names), model.__name__


def test_nothing_of_it_leaves_while_a_worker_works(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make()
    sent = OutgoingEmail.objects.filter(sent_at__isnull=False)
    sent_before = sent.count()

    travel = TimeTravel(NOON)
    for hours in (0, 3, 30, 300):
        travel.now = NOON + timedelta(hours=hours)
        advance_claimed(travel)
        claimed = outbox_queue.claim_queued(now=travel.now)
        if claimed:
            outbox_queue.send_queued(token=claimed.token, ids=claimed.ids, clock=travel.clock)

    assert mail.outbox == []
    assert sent.count() == sent_before
    assert Enrollment.objects.filter(reason="mail_paused").exists()


def test_its_counts_are_those_of_its_events_and_others_are_counted_before() -> None:
    three_days_ago = NOON - timedelta(days=3)
    event = factories.EventFactory.create(
        id=roll_ups.first_id_at(three_days_ago), received_at=three_days_ago
    )

    demo = make()

    hours = EventCount.objects.filter(unit=EventCount.Unit.HOUR_OF_RECEIPT)
    assert [each.count for each in hours.filter(definition=event.definition_id)] == [1]
    days = EventCount.objects.filter(workspace=demo, unit=EventCount.Unit.DAY_OF_OCCURRENCE)
    columns = ("definition_id", "starts_at", "count")
    seeded = set(days.values_list(*columns))
    touched: dict[Kind, set[Any]] = {}
    for definition_id, starts_at, _ in seeded:
        touched.setdefault(Kind(definition_id, demo.pk), set()).add(starts_at)
    roll_ups.recount_days(days_by_kind=touched)
    assert set(days.values_list(*columns)) == seeded
    stored = Event.objects.filter(workspace=demo).count()
    assert sum(count for *_, count in seeded) == stored
    assert sum(hours.filter(workspace=demo).values_list("count", flat=True)) == stored


def test_a_slug_that_nobody_has_is_free() -> None:
    assert seeding.find_demo(slug="demo") is None


def test_a_workspace_with_people_of_its_own_is_left_alone() -> None:
    factories.SubscriberFactory.create(workspace__slug="demo")

    with pytest.raises(seeding.HasOtherPeople, match="demo has people"):
        seeding.find_demo(slug="demo")


def test_a_workspace_with_rules_of_its_own_is_left_alone() -> None:
    factories.SyncRuleFactory.create(workspace__slug="demo")

    with pytest.raises(seeding.HasOtherPeople):
        seeding.find_demo(slug="demo")
