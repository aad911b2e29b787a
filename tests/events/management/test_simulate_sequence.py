"""`simulate_sequence`: what it prints, and that it changes nothing."""

import json
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from events.models import Sequence
from subscribers.models import Subscriber, Workspace
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.support.reading_only import reading_only
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.django_db
ALL_STEPS: list[dict[str, Any]] = [
    {"type": "email", "subject": "Hi {{subscriber.firstName|friend}}",
     "html": "<p>{{event.plan}}</p>"},
    {"type": "delay", "days": 2},
    {"type": "wait_for_event", "eventName": "purchased", "timeout": {"days": 1}},
    {"type": "condition", "rules": [{"type": "no_tag", "tag": "vip"}]},
    {"type": "update_tags", "add": ["vip"]},
    {"type": "update_list", "join": ["News"]},
    {"type": "update_subscriber", "attributes": {"plan": "pro"}},
    {"type": "webhook", "url": "https://crm.example/hook"},
    {"type": "exit"},
]  # fmt: skip


@pytest.fixture
def berlin(workspace: Workspace) -> Workspace:
    Workspace.objects.filter(pk=workspace.pk).update(timezone="Europe/Berlin")
    factories.ListFactory.create(workspace=workspace, name="News")
    workspace.refresh_from_db()
    return workspace


@pytest.fixture
def welcome(berlin: Workspace) -> Sequence:
    return make_sequence(berlin, *ALL_STEPS, name="Welcome")


def run(*arguments: str, email: str = "ada@example.com") -> str:
    """Return what the command prints, with a database that refuses writes."""
    out = StringIO()
    given = ["--email", email, "--now", "2026-11-24T12:00:00Z", *arguments]
    with reading_only():
        call_command("simulate_sequence", *given, stdout=out)
    return out.getvalue()


def counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_each_step_is_a_line_with_both_clocks_and_the_decision(welcome: Sequence) -> None:
    printed = run("welcome", "--properties", '{"plan": "pro"}')

    noon = "2026-11-24 13:00:00 Europe/Berlin = 2026-11-24 12:00:00 UTC"
    assert printed.startswith(
        "Welcome (welcome, active)\n"
        "Person: ada@example.com (not known, active)\n"
        "Enters: yes, by event signup\n"
    )
    assert f"{noon}  1. Email “Hi [first name]” → leaves\n" in printed
    assert "      To: ada@example.com\n      Subject: Hi friend\n      | pro\n" in printed
    assert f"{noon}  2. Wait 2 days → until 2026-11-26 13:00:00\n" in printed
    assert "goes on at 2026-11-27 13:00:00 without it; with it, goes on as soon as" in printed
    assert "→ met: goes on" in printed
    assert "→ adds vip" in printed
    assert "Lists: join News → joins News" in printed
    assert "→ changes attributes" in printed
    assert "is not called here" in printed
    assert '"type": "sequence.step"' in printed
    assert "Completed: a step ended it." in printed
    assert printed.endswith("Nothing was written, sent or called.\n")


def test_no_row_changes_and_no_mail_leaves(welcome: Sequence) -> None:
    person = factories.SubscriberFactory.create(
        workspace=welcome.workspace, email="ada@example.com"
    )
    before = counts()
    rows = list(Subscriber.objects.values()), list(Workspace.objects.values())

    run("welcome")
    run("welcome", "--json", "--wait", "event")
    run("welcome", email="new@example.com")

    assert counts() == before
    assert (list(Subscriber.objects.values()), list(Workspace.objects.values())) == rows
    assert mail.outbox == []
    assert person.enrollments.count() == 0


def test_the_database_of_these_tests_does_refuse_writes(workspace: Workspace) -> None:
    with pytest.raises(DatabaseError), reading_only():
        Workspace.objects.filter(pk=workspace.pk).update(name="Changed")

    Workspace.objects.filter(pk=workspace.pk).update(name="Changed again")
    assert Workspace.objects.get().name == "Changed again"


def test_who_does_not_enter_is_told_why(berlin: Workspace) -> None:
    filters = [{"path": "plan", "operator": "equals", "value": "pro"}]
    make_sequence(berlin, MAIL, name="Pro", propertyFilters=filters)

    printed = run("pro", "--properties", '{"plan": "free"}')

    assert (
        "Enters: no, by event signup: a filter of the trigger is not met at plan (filter_not_met)."
        in printed
    )


def test_what_is_not_ready_and_what_may_surprise_is_told(berlin: Workspace) -> None:
    step = {"type": "email", "subject": "{{event.plan}}", "text": "."}
    make_sequence(berlin, step, name="Bare", is_active=False, fromEmail=None)

    printed = run("bare")

    assert "Not ready: It sends mail, but neither it nor the workspace has a from address." in (
        printed
    )
    assert "Warning: No event signup was received yet" in printed
    assert "fails. Neither the sequence nor the workspace has a from address." in printed


def test_html_is_shown_when_asked_for(welcome: Sequence) -> None:
    given = ["welcome", "--properties", '{"plan": "pro"}']

    assert "<p>pro</p>" not in run(*given)
    assert "<p>pro</p>" in run(*given, "--html")


def test_an_awaited_event_can_come(welcome: Sequence) -> None:
    printed = run("welcome", "--wait", "event")

    assert "is taken to come at once, would wait until 2026-11-27 13:00:00:" in printed
    assert "Note: Awaited events that were not recorded" in printed


def test_json_is_one_object_in_the_words_of_the_wire(welcome: Sequence) -> None:
    said = json.loads(run(welcome.public_id, "--json", "--properties", '{"plan": "pro"}'))

    assert {key: said[key] for key in ("success", "sendsMail", "sequenceId", "status")} == {
        "success": True,
        "sendsMail": False,
        "sequenceId": welcome.public_id,
        "status": "active",
    }
    assert said["readiness"]["ready"] is True
    assert said["enrollment"] == {
        "wouldEnter": True, "by": "event", "name": "signup", "waitsForConfirmation": False,
    }  # fmt: skip
    assert said["subscriber"] == {"id": None, "email": "ada@example.com", "status": "active"}
    steps = said["path"]["steps"]
    assert [step["type"] for step in steps] == [step["type"] for step in ALL_STEPS]
    assert steps[0]["email"]["subject"] == "Hi friend"
    assert steps[2]["outcome"]["timesOutAt"] == "2026-11-27T12:00:00Z"
    assert steps[7]["webhook"]["type"] == "sequence.step"
    assert said["path"]["ending"] == {
        "at": "2026-11-27T12:00:00Z", "status": "completed", "reason": "exit",
    }  # fmt: skip


def test_a_long_path_is_cut(welcome: Sequence) -> None:
    printed = run("welcome", "--limit", "2")

    assert " 2. Wait" in printed
    assert " 3. " not in printed
    assert "More steps follow: see --limit." in printed
    assert json.loads(run("welcome", "--limit", "2", "--json"))["path"]["ending"] is None


def test_signs_that_steer_a_terminal_are_not_printed(berlin: Workspace) -> None:
    step = {"type": "email", "subject": "Hi", "text": "{{event.name}}"}
    make_sequence(berlin, step, name="Plain")

    printed = run("plain", "--properties", '{"name": "\\u001b[2J\\u009b\\u202etxt\\nnext"}')

    assert "| \ufffd[2J\ufffd\ufffdtxt\n      | next" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "SEQUENCE: the workspace acme has none with the key or id 'nothing'."),
        ([f"seq_{'0' * 32}"], "SEQUENCE: there is no sequence 'seq_0"),
        (["welcome", "--workspace", "x"], "--workspace: there is no workspace with the slug 'x'."),
        (["welcome", "--email", "nobody"], "--email is not a valid address"),
        (["welcome", "--event", " "], "--event must not be blank: 1-200 characters."),
        (["welcome", "--properties", "{"], "--properties is not usable JSON: "),
        (["welcome", "--properties", ""], "--properties is not usable JSON: "),
        (["welcome", "--properties", "[]"], "--properties must be an object, not an array."),
        (["welcome", "--properties", '{"a": "\\u0000"}'], "--properties cannot be stored: "),
        (["by-hand", "--properties", "{}"], "--properties: no event starts this sequence"),
        (["welcome", "--now", "tomorrow"], "--now must be an ISO 8601 time with an offset"),
        (["welcome", "--now", "2026-11-24T12:00:00"], "--now must be an ISO 8601 time with an"),
        (["welcome", "--limit", "0"], "--limit must be 1 to 100."),
        (["welcome", "--limit", "many"], "argument --limit: invalid int value"),
        (["welcome", "--wait", "for ever"], "argument --wait: invalid choice"),
    ],
)
def test_bad_input_names_the_option(welcome: Sequence, arguments: list[str], message: str) -> None:
    make_sequence(welcome.workspace, name="By hand", trigger="manual")

    with pytest.raises(CommandError) as raised:
        run(*arguments)

    assert message in str(raised.value)


def test_where_there_are_several_workspaces_one_is_named(welcome: Sequence) -> None:
    other = workspaces.create(name="Other", slug="other")
    make_sequence(other, MAIL, name="Elsewhere")

    with pytest.raises(CommandError, match="several workspaces: name one with --workspace"):
        run("welcome")
    with pytest.raises(CommandError, match="workspace acme has none"):
        run("elsewhere", "--workspace", "acme")

    assert run("elsewhere", "--workspace", "other").startswith("Elsewhere ")
    assert run(welcome.public_id).startswith("Welcome ")
    with pytest.raises(CommandError, match="workspace other has none"):
        run(welcome.public_id, "--workspace", "other")


def test_a_date_at_the_end_of_the_calendar_is_no_crash(berlin: Workspace) -> None:
    Workspace.objects.filter(pk=berlin.pk).update(timezone="Pacific/Auckland")
    until = {"type": "delay", "mode": "until_date", "field": "at"}
    make_sequence(berlin, until, MAIL, name="Late")

    printed = run("late", "--properties", '{"at": "9999-12-31T23:59:59Z"}')

    assert "9999-12-31 23:59:59 UTC" in printed
