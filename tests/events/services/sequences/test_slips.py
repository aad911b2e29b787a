"""What saving refuses, and activation warns of, in the mails of a sequence."""

from datetime import timedelta

import pytest
from django.core import mail

from events.models import StepRun
from events.services.sequences import sequences
from subscribers.models import Workspace
from subscribers.wire.payloads import InvalidRequest
from tests.support.calling import Caller
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db


def warned(workspace: Workspace, **step: str) -> str:
    workspace.postal_address = "1 Main Street"
    workspace.save()
    found = sequences.readiness(make_sequence(workspace, {**MAIL, **step}, trigger="manual"))
    return " ".join(found.warnings)


@pytest.mark.parametrize(
    "link",
    [
        "http://{{unsubscribeUrl}}",
        "https://{{ unsubscribeUrl }}",
        "%7B%7BunsubscribeUrl%7D%7D",
        "https://{{DOUBLE_OPT_IN_URL}}",
    ],
)
def test_a_link_that_an_editor_broke_is_refused_with_its_line(
    workspace: Workspace, link: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make_sequence(workspace, {**MAIL, "html": f'<p>\n<a href="{link}">x</a>'})

    (fault,) = caught.value.faults
    assert fault.path == "steps[0].html"
    assert fault.message.startswith("Line 2: ")
    assert "makes no link" in fault.message


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>Hi *|FNAME|*</p>", "*|FNAME|* looks like a tag of another product"),
        ("<p>Hi {subscriber.firstName}</p>", "{subscriber.firstName} looks like"),
        ("<p>Hi [[first_name]]</p>", "[[first_name]] looks like"),
        ("<p>Hi %FIRSTNAME%</p>", "%FIRSTNAME% looks like"),
        ('<img src="/logo.png">', "'/logo.png' leads nowhere in a mail: begin it with https://"),
        ('<a href="www.shop.example">x</a>', "'www.shop.example' leads nowhere"),
        ("<a href=''>x</a>", "'' leads nowhere"),
        ("<p>" + "word " * 25_000 + "</p>", "some readers cut a mail off after 102 KB"),
        (
            '<a href="https://a.example/?e={{subscriber.email}}">x</a>',
            "write {{subscriber.email | url_encode}}",
        ),
    ],
)
def test_a_probable_slip_is_a_warning(workspace: Workspace, html: str, words: str) -> None:
    assert words in warned(workspace, html=html)


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://a.example/?e={{subscriber.email | url_encode}}">100% of 5 %</a>',
        '<a href="{{unsubscribeUrl}}">x</a> <a href="mailto:a@example.com">y</a> <a href="#top">',
        "<style>p { color: red }</style><p>[1] {{subscriber.firstName}} {x} ** || %5%</p>",
    ],
)
def test_what_is_right_is_no_slip(workspace: Workspace, html: str) -> None:
    assert warned(workspace, html=html) == ""


def test_a_mail_that_would_say_nothing_is_skipped_with_the_reason(workspace: Workspace) -> None:
    step = {"type": "email", "subject": "{{event.title}}", "html": "<p>{{event.body}}</p>"}
    enrollment = enrollment_of(make_sequence(workspace, step))

    TimeTravel(NOON).run_for(timedelta(hours=1))

    assert mail.outbox == []
    assert StepRun.objects.get(enrollment=enrollment).outcome["reason"] == "mail_is_blank"


@pytest.mark.parametrize(("count", "is_warned"), [(3, False), (2_001, True)])
def test_a_mail_that_the_newest_event_makes_fail_is_a_warning(
    caller: Caller, workspace: Workspace, count: int, is_warned: bool
) -> None:
    caller.bulk({"name": "signup", "properties": {"items": [1]}})
    caller.bulk({"name": "signup", "properties": {"items": [1] * count}})
    html = "{% for item in event.items %}\n{{item}}{% endfor %}"
    sequence = make_sequence(workspace, MAIL, {**MAIL, "html": html})

    found = " ".join(sequences.readiness(sequence).warnings)

    assert ("Step 2: with the newest event signup the mail fails. Line 1: " in found) == is_warned


def test_what_fails_with_blank_data_is_refused_with_its_line(workspace: Workspace) -> None:
    text = "Hi\n{% for i in (1..2001) %}x{% endfor %}"
    with pytest.raises(InvalidRequest) as caught:
        make_sequence(workspace, {**MAIL, "text": text})

    (fault,) = caught.value.faults
    assert (fault.path, fault.message.partition(":")[0]) == ("steps[0].text", "Line 2")


@pytest.mark.parametrize(
    ("step", "layout", "is_warned"),
    [
        ({}, "", True),
        ({}, "{{content}}", True),
        ({}, "{{content}}{{unsubscribeUrl}}", False),
        ({"useLayout": False}, "{{content}}{{unsubscribeUrl}}", True),
        ({"html": "<html>Hi</html>"}, "{{content}}{{unsubscribeUrl}}", True),
        ({"html": '<a href="{{unsubscribeUrl}}">x</a>'}, "", False),
        ({"isTransactional": True}, "", False),
    ],
)
def test_without_the_footer_a_mail_needs_a_link_to_leave(
    workspace: Workspace, step: dict[str, object], layout: str, *, is_warned: bool
) -> None:
    workspace.has_footer, workspace.mail_layout = False, layout
    workspace.save()

    found = sequences.readiness(make_sequence(workspace, {**MAIL, **step})).warnings

    assert any("the mail has no link to leave" in each for each in found) is is_warned
