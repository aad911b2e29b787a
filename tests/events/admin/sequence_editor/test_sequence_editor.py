"""A sequence is made and edited with its steps, in forms that need no script."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import escape

from config.admin_base import admin_url
from events.language.specs import as_wire
from events.models import Sequence
from events.services.sequences import sequences
from subscribers.models import Workspace
from tests import factories
from tests.support.sequence_making import MAIL, make_sequence

ADD = "/admin/events/sequence/add/"
EVERY_KIND: list[dict[str, Any]] = [
    {
        "type": "email", "id": "hello", "subject": "Hi {{subscriber.firstName|friend}}",
        "previewText": "Look", "html": "<p>One</p>\n\n<p>Two</p>", "text": " plain ",
        "isTransactional": True, "respectWindow": True, "label": "Greeting",
    },
    {"type": "delay", "id": "short", "days": 1, "hours": 2, "minutes": 3},
    {"type": "delay", "id": "odd", "delayMs": 61_500},
    {
        "type": "delay", "id": "date", "mode": "until_date", "field": "renewal.date",
        "source": "subscriber", "offset": {"days": 3}, "direction": "before",
        "missingAction": "exit", "pastAction": "skip",
    },
    {
        "type": "delay", "id": "day", "mode": "until_weekday", "days": ["monday", "friday"],
        "startTime": "09:00", "endTime": "17:00", "timezone": "Europe/Berlin",
    },
    {"type": "delay", "id": "ours", "mode": "until_weekday", "timezoneSource": "workspace"},
    {
        "type": "wait_for_event", "id": "order", "eventName": "order.placed",
        "propertyFilters": [{"path": "total", "operator": "greater_than", "value": 100}],
        "timeout": {"days": 3, "hours": 1}, "onTimeout": "exit",
    },
    {
        "type": "condition", "id": "who", "match": "any", "onFalse": "out",
        "rules": [
            {"type": "tag", "tag": "vip"},
            {"type": "list", "list": "News"},
            {"type": "did_event", "eventName": "x", "since": "ever", "propertyFilters": [
                {"path": "a", "operator": "exists"},
            ]},
        ],
    },
    {"type": "update_tags", "id": "tags", "add": ["customer"], "remove": ["lead"]},
    {"type": "update_list", "id": "lists", "join": ["News"]},
    {
        "type": "update_subscriber", "id": "person", "firstName": "Ada", "lastName": "",
        "status": "unsubscribed", "attributes": {"plan": "pro", "old": None, "deep": {"a": [1]}},
    },
    {
        "type": "webhook", "id": "call", "url": "https://example.com/x?who={{subscriber.email}}",
        "method": "PUT", "headers": {"Authorization": "Bearer a:b", "X-Who": "{{subscriber.id}}"},
        "body": '{"plan": "{{event.plan}}"}', "onError": "continue", "next": "out",
    },
    {
        "type": "split", "id": "split", "branches": [
            {"id": "a", "weight": 70, "next": "exit"},
            {"id": "the other", "weight": 30, "next": "out"},
        ],
    },
    {"type": "exit", "id": "out"},
]  # fmt: skip


def posted(form: Any) -> dict[str, Any]:
    """Return what a browser would send of an unchanged form."""
    data = {"steps-count": str(len(form.rows.forms))}
    for place, row in enumerate(form.rows.forms):
        data[f"steps-{place}-kind"] = row.kind
    for each in [form, *form.rows.forms]:
        for field in each:
            value = field.value()
            if value is True:
                data[field.html_name] = "on"
            elif value not in (None, False):
                is_text = isinstance(value, str)
                data[field.html_name] = value.replace("\n", "\r\n") if is_text else value
    return data


def opened(client: Client, sequence: Sequence) -> dict[str, Any]:
    """Open a sequence's page and return its fields."""
    return posted(client.get(admin_url(sequence)).context["adminform"].form)


def filled(workspace: Workspace, **fields: Any) -> dict[str, Any]:
    """Return a filled form for a new sequence of one mail."""
    return {
        "workspace": str(workspace.pk),
        "name": "Welcome",
        "trigger": "event_received",
        "event_name": "signup",
        "enrollment_mode": "unlimited",
        "steps-count": "1",
        "steps-0-kind": "email",
        "steps-0-id": "email-1",
        "steps-0-subject": "Hello",
        "steps-0-text": "Hello.",
        **fields,
    }


def errors_of(answer: Any) -> str:
    """Return all that a form complains of."""
    form = answer.context["adminform"].form
    found = [form.errors, *(row.errors for row in form.rows.forms)]
    texts = [f"{name}: {text}" for each in found for name, texts in each.items() for text in texts]
    return " ".join([*texts, *form.rows.faults_of_all])


def wire_of(sequence: Sequence) -> dict[str, Any]:
    """Return a sequence as it is stored, in the wire's words."""
    sequence.refresh_from_db()
    return as_wire(sequences.spec_of(sequence))


@pytest.fixture
def whole(workspace: Workspace) -> Sequence:
    """A sequence with a step of every kind."""
    factories.ListFactory.create(workspace=workspace, name="News")
    return make_sequence(
        workspace,
        *EVERY_KIND,
        name="Welcome",
        description="Two\nlines",
        labels=["one", "two"],
        propertyFilters=[{"path": "plan", "operator": "one_of", "value": ["pro", "team"]}],
        enrollmentMode="matching_field",
        enrollmentFieldPath="order.id",
        activeSubscribersOnly=True,
        runsWhilePending=True,
        mailList="News",
        stopCondition={
            "type": "event_received",
            "value": "cancelled",
            "propertyFilters": [{"path": "why", "operator": "exists"}],
            "matchConfig": {"mode": "matching_field", "fieldPath": "id"},
        },
        sendingWindow={"enabled": True, "days": ["monday"], "startTime": "09:00"},
        fromName="Ada",
        replyTo="help@example.com",
    )


def test_saving_what_is_shown_changes_nothing(admin_client: Client, whole: Sequence) -> None:
    before, version_id = wire_of(whole), whole.current_version_id

    answer = admin_client.post(admin_url(whole), opened(admin_client, whole))

    assert answer.status_code == 302, errors_of(answer)
    assert wire_of(whole) == before
    assert whole.current_version_id == version_id


def test_the_list_trigger_is_shown_by_its_label_and_keeps_its_word_on_the_wire(
    admin_client: Client, workspace: Workspace
) -> None:
    factories.ListFactory.create(workspace=workspace, name="News")
    sequence = make_sequence(workspace, MAIL, trigger="contact_added", lists=["News"])
    before = wire_of(sequence)

    page = admin_client.get(admin_url(sequence))
    admin_client.post(admin_url(sequence), opened(admin_client, sequence))

    assert before["trigger"] == "contact_added"
    assert wire_of(sequence) == before
    assert 'value="list_joined" selected>List joined<' in page.content.decode()
    assert opened(admin_client, sequence)["lists"] == "News"


def test_an_edited_step_is_a_new_version_and_the_log_says_so(
    admin_client: Client, whole: Sequence
) -> None:
    data = {**opened(admin_client, whole), "steps-0-subject": "Welcome!"}

    page = admin_client.post(admin_url(whole), {**data, "_continue": "1"}, follow=True)

    whole.refresh_from_db()
    assert whole.current_version is not None
    assert whole.current_version.number == 2
    assert wire_of(whole)["steps"][0]["subject"] == "Welcome!"
    assert "New enrollments begin with version 2." in page.content.decode()
    assert LogEntry.objects.get().get_change_message() == "Edited; version 2 is current"


def test_a_sequence_made_in_the_admin_is_a_draft_with_its_key(
    admin_client: Client, workspace: Workspace
) -> None:
    answer = admin_client.post(ADD, filled(workspace))

    sequence = Sequence.objects.get()
    assert answer.status_code == 302, errors_of(answer)
    assert (sequence.status, sequence.key) == ("draft", "welcome")
    assert wire_of(sequence)["steps"] == [
        {"type": "email", "id": "email-1", "subject": "Hello", "text": "Hello."}
    ]
    assert LogEntry.objects.get().object_id == str(sequence.pk)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mail_list": "Gone"}, "mail_list: Select a valid choice"),
        ({"name": ""}, "name: is missing."),
        ({"event_name": ""}, "event_name: is missing."),
        ({"key": "a b"}, "key: must be 1-100 letters"),
        ({"from_email": "nobody"}, "from_email: "),
        ({"filters": "plan"}, "filters: Line 1 must be such as: plan.name equals pro"),
        ({"filters": "plan. equals x"}, "filters: Number 1: path must be keys separated by dots"),
        ({"trigger": "tag_added"}, "tag_names: is missing: 1 to 50 tags."),
        (
            {"trigger": "tag_added", "tag_names": "!?"},
            "tag_names: Number 1: needs at least one letter",
        ),
        ({"trigger": "list_joined", "lists": "Gone"}, "lists: names a list that is not there"),
        ({"enrollment_mode": "matching_field"}, "enrollment_field_path: is missing."),
        ({"stop_type": "event_received"}, "stop_value: value is missing."),
        ({"window_is_on": "on", "window_start": "9"}, "window_start: must be a time of the day"),
        ({"window_is_on": "on", "window_timezone": "Mars"}, "window_timezone: must be the name"),
        ({"steps-0-subject": ""}, "subject: is missing."),
        ({"steps-0-text": ""}, "html: is missing: give html, text or both."),
        ({"steps-0-subject": "{{ oops"}, "subject: "),
        ({"steps-0-html": "{% include 'x' %}"}, "html: "),
        ({"steps-0-kind": "delay", "steps-0-days": "two"}, "days: must be a whole number"),
        ({"steps-0-kind": "delay", "steps-0-days": "9" * 400}, "days: must be a whole number"),
        ({"steps-0-kind": "delay", "steps-0-seconds": "x"}, "seconds: must be a number."),
        ({"steps-0-kind": "delay", "steps-0-seconds": "inf"}, "seconds: must be a number."),
        ({"steps-0-kind": "delay"}, "__all__: It gives no time"),
        ({"steps-0-kind": "until_date"}, "field: is missing."),
        ({"steps-0-kind": "until_weekday", "steps-0-start": "25"}, "start: must be a time"),
        ({"steps-0-kind": "wait_for_event", "steps-0-hours": "9999"}, "hours: must be a whole"),
        ({"steps-0-kind": "condition"}, "rules: has 0 elements; 1 to 20 are allowed."),
        (
            {"steps-0-kind": "condition", "steps-0-rules": "tag x", "steps-0-on_false": "gone"},
            "on_false: must be exit or the id of a later step",
        ),
        (
            {"steps-0-kind": "condition", "steps-0-rules": "tag !"},
            "rules: Number 1: tag needs at least one letter",
        ),
        ({"steps-0-kind": "update_tags"}, "__all__: It changes nothing: give add or remove."),
        (
            {"steps-0-kind": "update_list", "steps-0-join": "Gone"},
            "join: names a list that is not there",
        ),
        (
            {"steps-0-kind": "update_subscriber", "steps-0-attributes": "plan"},
            "attributes: Line 1 must be such as: plan = pro",
        ),
        ({"steps-0-kind": "webhook", "steps-0-url": "http://x"}, "url: "),
        (
            {"steps-0-kind": "webhook", "steps-0-url": "https://a.example", "steps-0-headers": "X"},
            "headers: Line 1 must be such as: Authorization: Bearer abc",
        ),
        (
            {
                "steps-0-kind": "webhook",
                "steps-0-url": "https://a.example",
                "steps-0-headers": "X-A: {{nope}}",
            },
            "headers: X-A",
        ),
        ({"steps-0-next": "gone"}, "next: must be exit or the id of a later step"),
        ({"steps-0-kind": "split"}, "branches: has 0 elements; 2 to 10 are allowed."),
        (
            {"steps-0-kind": "split", "steps-0-branches": "70"},
            "branches: Line 1 must be such as: 70 short-mail a",
        ),
        (
            {"steps-0-kind": "split", "steps-0-branches": "1 exit\r\n1 gone b"},
            "branches: Number 2: next must be exit or the id of a later step",
        ),
    ],
)
def test_a_fault_is_told_at_its_field_in_the_wire_s_words(
    admin_client: Client, workspace: Workspace, fields: dict[str, Any], words: str
) -> None:
    answer = admin_client.post(ADD, filled(workspace, **fields))

    assert answer.status_code == 200
    assert words in errors_of(answer)
    assert escape(words.partition(": ")[2]) in answer.content.decode()
    assert not Sequence.objects.exists()


@pytest.mark.parametrize(
    ("button", "ids"),
    [
        ({"_arrange": "up-2"}, ["short", "hello"]),
        ({"_arrange": "down-0"}, ["short", "hello"]),
        ({"_arrange": "up-0"}, ["hello", "short"]),
        ({"_arrange": "remove-0"}, ["short", "odd"]),
        ({"_arrange": "remove-99"}, ["hello", "short"]),
        ({"_arrange": "x"}, ["hello", "short"]),
        ({"_arrange": "add-0", "steps-0-new_kind": "exit"}, ["hello", "exit-15"]),
        ({"_arrange": "copy-0"}, ["hello", "email-15"]),
        ({"_arrange": "open"}, ["hello", "short"]),
        ({"_arrange": "add", "_add_kind": "sms"}, ["hello", "short"]),
    ],
)
def test_buttons_arrange_the_steps_and_store_nothing(
    admin_client: Client, whole: Sequence, button: dict[str, str], ids: list[str]
) -> None:
    before = wire_of(whole)
    data = {**opened(admin_client, whole), "name": "", "steps-0-subject": "Typed"}
    if button["_arrange"] == "up-2":
        data = {name: value for name, value in data.items() if not name.startswith("steps-0-")}
        data |= {"steps-0-kind": "exit", "steps-0-id": "x"}
        ids = ["x", "odd"]

    answer = admin_client.post(admin_url(whole), {**data, **button})

    form = answer.context["adminform"].form
    assert [row["id"].value() for row in form.rows.forms][:2] == ids
    assert not form.errors
    assert "Not saved yet" in answer.content.decode()
    assert wire_of(whole) == before


def test_what_was_typed_moves_along(admin_client: Client, whole: Sequence) -> None:
    data = {**opened(admin_client, whole), "steps-0-subject": "Typed", "_arrange": "down-0"}

    answer = admin_client.post(admin_url(whole), data)
    stored = admin_client.post(admin_url(whole), posted(answer.context["adminform"].form))

    assert stored.status_code == 302, errors_of(stored)
    assert [step["id"] for step in wire_of(whole)["steps"]][:2] == ["short", "hello"]
    assert wire_of(whole)["steps"][1]["subject"] == "Typed"


def test_a_condition_offers_the_steps_after_it(admin_client: Client, whole: Sequence) -> None:
    form = admin_client.get(admin_url(whole)).context["adminform"].form

    offered = dict(form.rows.forms[7].fields["on_false"].choices)

    assert list(offered) == ["exit", "tags", "lists", "person", "call", "split", "out"]
    assert form.rows.forms[7]["on_false"].value() == "out"


def test_an_edit_over_somebody_else_s_edit_is_refused(
    admin_client: Client, whole: Sequence
) -> None:
    mine, theirs = opened(admin_client, whole), opened(admin_client, whole)
    admin_client.post(admin_url(whole), {**theirs, "name": "Theirs"})

    answer = admin_client.post(admin_url(whole), {**mine, "name": "Mine"})

    assert "Somebody changed this sequence" in errors_of(answer)
    assert wire_of(whole)["name"] == "Theirs"


@pytest.mark.parametrize(
    "data",
    [
        {"steps-count": "999"},
        {"steps-count": "-1"},
        {"steps-count": "x"},
        {"steps-0-kind": "sms"},
        {"steps-0-id": "exit"},
        {"steps-0-label": "\0"},
        {"labels": "x" * 5000},
    ],
)
def test_a_form_that_nobody_was_shown_is_no_error(
    admin_client: Client, workspace: Workspace, data: dict[str, str]
) -> None:
    answer = admin_client.post(ADD, filled(workspace, **data))

    assert answer.status_code in {200, 302}


def test_who_may_only_look_reads_words_and_changes_nothing(whole: Sequence) -> None:
    viewer = User.objects.create(username="viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_sequence"))
    client = Client()
    client.force_login(viewer)

    page = client.get(admin_url(whole), follow=True)
    saved = client.post(admin_url(whole), {"name": "Mine"})

    text = page.content.decode()
    assert "event signup where plan is one of pro, team" in text
    assert "Wait until 3 days before the person&#x27;s renewal.date" in text
    assert "_arrange" not in text
    assert saved.status_code == 403
