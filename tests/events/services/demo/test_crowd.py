"""More people for a demo: imported as history, the same every time, and healthy."""

from datetime import timedelta

import pytest
from django.conf import settings

from events.intake.payloads import Limits
from events.models import Enrollment, Event
from events.services import demo as seeding
from events.services.demo.catalogue import NEWS
from subscribers.models import ImportRun, OutgoingEmail, Subscriber, Workspace
from tests import factories
from tests.support.examining import NOON, levels

pytestmark = pytest.mark.django_db(transaction=True)
LIMITS = Limits(
    events=500,
    properties_bytes=65_536,
    attributes_bytes=65_536,
    definitions=5000,
    history_after=timedelta(hours=1),
    oldest=settings.MAX_EVENT_AGE,
    furthest_ahead=timedelta(minutes=5),
)


def add(workspace: Workspace, *, people: int) -> list[int]:
    """Add a crowd as of noon; returns the sizes of the batches."""
    sizes: list[int] = []
    seeding.add_crowd(
        workspace=workspace, people=people, limits=LIMITS, clock=lambda: NOON, report=sizes.append
    )
    return sizes


def test_a_crowd_comes_in_as_history_and_starts_nothing() -> None:
    demo = seeding.seed(slug="demo", now=NOON, limits=LIMITS, people=20).workspace
    enrollments, mails = Enrollment.objects.count(), OutgoingEmail.objects.count()
    people, events = Subscriber.objects.count(), Event.objects.count()
    before = levels()

    sizes = add(demo, people=20)

    assert Subscriber.objects.count() == people + 20
    assert (
        Event.objects.filter(is_historical=False, subscriber__email__contains="10000").count() == 0
    )
    assert sum(sizes) == 20 + Event.objects.count() - events
    assert (Enrollment.objects.count(), OutgoingEmail.objects.count()) == (enrollments, mails)
    assert not ImportRun.objects.exclude(status=ImportRun.Status.FINISHED).exists()
    assert not ImportRun.objects.filter(files=["crowd-people.jsonl"], rejected__gt=0).exists()
    assert levels() == before


def test_the_crowd_again_brings_nobody_and_nothing_new() -> None:
    news = factories.ListFactory.create(name=NEWS)
    demo = news.workspace
    add(demo, people=20)
    before = (Subscriber.objects.count(), Event.objects.count())

    add(demo, people=20)

    assert (Subscriber.objects.count(), Event.objects.count()) == before
