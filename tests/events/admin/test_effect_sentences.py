"""An event's page says which sequences it started or did not start, released and stopped."""

from typing import Any

import pytest
from django.test import Client

from config.admin_links import admin_url, page_url
from events.decisions.enrollments import Reason
from events.models import Event
from events.wording.reasons import reason_in_words
from subscribers.models import Workspace
from tests import factories
from tests.support.calling import Caller
from tests.support.enrollment_making import enrollments, make_enrollment
from tests.support.sequence_making import make_sequence

WAIT = {"type": "wait_for_event", "eventName": "purchased"}
MONTH = {"type": "delay", "days": 30}


def page_of(client: Client, event: Event) -> str:
    return client.get(admin_url(event)).content.decode()


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_told_in_plain_words(
    admin_client: Client, workspace: Workspace, reason: Reason
) -> None:
    sequence = factories.SequenceFactory.create(workspace=workspace, name="Welcome")
    said = {"sequence": "Welcome", "sequenceId": sequence.pk.hex, "reason": reason.value}
    event = factories.EventFactory.create(
        subscriber__workspace=workspace, effects={"sequencesNotStarted": [said]}
    )

    page = page_of(admin_client, event)

    assert f'The sequence “<a href="{page_url(sequence)}">Welcome</a>” did not start: ' in page
    assert reason_in_words(reason) in page


def test_what_started_stopped_and_went_on_is_told_and_linked(
    admin_client: Client, caller: Caller
) -> None:
    person = factories.SubscriberFactory.create(workspace=caller.workspace, email="a@example.com")
    waiting = make_sequence(caller.workspace, WAIT, name="Wait", eventName="other")
    stopping = make_sequence(
        caller.workspace,
        MONTH,
        name="Stop",
        eventName="other",
        stopCondition={"type": "event_received", "value": "purchased"},
    )
    starting = make_sequence(caller.workspace, MONTH, name="Start", eventName="purchased")
    make_enrollment(waiting, person, awaits="purchased")
    make_enrollment(stopping, person)

    caller.bulk({"name": "purchased"})
    page = page_of(admin_client, Event.objects.get())

    released, stopped, started = enrollments()
    for sequence in (waiting, stopping, starting):
        assert page_url(sequence) in page
    assert f'started: see <a href="{admin_url(started)}">the enrollment</a>' in page
    waited = f'<a href="{admin_url(released)}">the enrollment</a> went on: it was waiting for this'
    assert waited in page
    assert f'<a href="{admin_url(stopped)}">the enrollment</a> was stopped' in page


def test_the_path_of_the_filter_that_failed_is_told(admin_client: Client, caller: Caller) -> None:
    make_sequence(caller.workspace, propertyFilters=[{"path": "order.total", "operator": "exists"}])

    caller.bulk({"name": "signup"})

    page = page_of(admin_client, Event.objects.get())
    assert "a filter of the trigger is not met (order.total)" in page


def test_the_tag_that_started_a_sequence_is_told(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = factories.SequenceFactory.create(workspace=workspace)
    said = {
        "sequence": sequence.name,
        "sequenceId": sequence.pk.hex,
        "enrollment": sequence.pk.hex,
        "by": "tag",
        "tag": "<b>vip</b>",
    }
    event = factories.EventFactory.create(
        subscriber__workspace=workspace, effects={"sequencesStarted": [said]}
    )

    page = page_of(admin_client, event)

    assert "started, since the tag &lt;b&gt;vip&lt;/b&gt; was new" in page
    assert f"a deleted enrollment (enr_{sequence.pk.hex})" in page


def test_a_sequence_that_is_gone_keeps_its_name_as_text(
    admin_client: Client, workspace: Workspace
) -> None:
    hostile = "<script>alert(1)</script>"
    said: dict[str, Any] = {"sequence": hostile, "sequenceId": "0" * 32, "reason": "historical"}
    event = factories.EventFactory.create(
        subscriber__workspace=workspace, effects={"sequencesNotStarted": [said]}
    )

    page = page_of(admin_client, event)

    assert hostile not in page
    assert "“&lt;script&gt;alert(1)&lt;/script&gt;” did not start" in page


@pytest.mark.parametrize(
    ("event_id", "words"),
    [
        ("order-1", "it writes nothing and starts nothing"),
        (None, "none was given, so a repeat is another event"),
    ],
)
def test_an_event_says_what_a_repeat_of_it_does(
    admin_client: Client, event_id: str | None, words: str
) -> None:
    event = factories.EventFactory.create(event_id=event_id)

    assert words in page_of(admin_client, event)
