"""Mails of sequences leave tracked where a workspace wants it, and cost nothing where not."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Sequence
from events.services.counts import mail_activity
from subscribers.models import OutgoingEmail, Workspace
from tests import factories
from tests.support.engine_running import begin, enrollment_of
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel
from tests.support.tracked_mail import HELP, SHOWS_PICTURE, get

pytestmark = pytest.mark.django_db
LINKED = {**MAIL, "html": f'<p>Hello, <a href="{HELP}">help</a></p>'}


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    return make_sequence(workspace, LINKED)


@pytest.fixture
def tracking(workspace: Workspace) -> None:
    Workspace.objects.update(tracks_opens=True, tracks_clicks=True)


def html_of(sent: object) -> str:
    assert isinstance(sent, EmailMultiAlternatives)
    return str(sent.alternatives[0].content)  # type: ignore[attr-defined] # since Django 5.2


def test_a_mail_is_opened_and_its_link_followed(
    tracking: None, sequence: Sequence, travel: TimeTravel
) -> None:
    enrollment = enrollment_of(sequence)
    travel.run_for(timedelta(hours=1))
    html = html_of(mail.outbox[0])

    for path in re.findall(r"/[ro]/[a-z2-7.gif]+", html):
        get(path, SHOWS_PICTURE if "/o/" in path else None)

    step = sequence.current_version.steps.get()  # type: ignore[union-attr]
    counted = mail_activity.counts(since=NOON, until=NOON + timedelta(days=3650))
    assert {(fact.kind, fact.quality): number for fact, number in counted.items()} == {
        ("clicked", "human"): 1,
        ("opened", "human"): 1,
    }
    assert {(fact.sequence_id, fact.step_key) for fact in counted} == {
        (enrollment.sequence_id, step.key)
    }


def test_the_footer_s_way_out_stays_as_it_is(
    tracking: None, sequence: Sequence, travel: TimeTravel
) -> None:
    enrollment_of(sequence)
    travel.run_for(timedelta(hours=1))

    (sent,) = mail.outbox
    stored = OutgoingEmail.objects.get()
    leave = re.findall(r"http://\S+/u/[0-9a-f]{64}", stored.text)
    assert leave
    assert leave[0] in html_of(sent)
    assert leave[0] in sent.body
    assert HELP not in html_of(sent) + sent.body
    assert HELP in stored.html


def test_who_does_not_want_to_be_tracked_gets_the_links_as_they_are(
    sequence: Sequence, travel: TimeTravel
) -> None:
    attributes = {"doNotTrack": True}
    person = factories.SubscriberFactory.create(workspace=sequence.workspace, attributes=attributes)
    begin(sequence, person)
    Workspace.objects.update(tracks_clicks=True)
    travel.run_for(timedelta(hours=1))

    assert HELP in html_of(mail.outbox[0])


def test_tracking_costs_the_engine_no_statement(sequence: Sequence, travel: TimeTravel) -> None:
    counts = []
    for name, is_on in (("warm", False), ("off", False), ("on", True)):
        Workspace.objects.update(tracks_opens=is_on, tracks_clicks=is_on)
        enrollment_of(sequence, name)
        with CaptureQueriesContext(connection) as queries:
            travel.run_for(timedelta(minutes=1))
        counts.append(len(queries))

    assert len(mail.outbox) == 3
    assert ("/r/" in html_of(mail.outbox[1]), "/r/" in html_of(mail.outbox[2])) == (False, True)
    assert counts[1] == counts[2]
