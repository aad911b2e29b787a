"""What a workspace's form accepts and refuses in the confirmation mail."""

from typing import Any

import pytest
from django.test import Client

from config.admin_base import admin_url
from subscribers.models import Workspace
from tests.support.workspace_form import form_of

LINK = "{{DOUBLE_OPT_IN_URL}}"


def save(client: Client, workspace: Workspace, **fields: Any) -> dict[str, list[str]]:
    """Send the form with some fields changed and return its errors; none when it was stored."""
    answer = client.post(admin_url(workspace), {**form_of(workspace), **fields})
    return {} if answer.status_code == 302 else dict(answer.context["adminform"].form.errors)


def test_the_mail_is_stored_and_every_process_knows(
    admin_client: Client, workspace: Workspace
) -> None:
    errors = save(
        admin_client,
        workspace,
        confirmation_subject="Is it you, {{subscriber.firstName|friend}}?",
        confirmation_html=f'<p>Hello</p>\r\n<a href="{LINK}">Yes</a>',
        confirmation_text=f"Yes: {LINK}",
        confirmation_needs_button="on",
        confirmation_redirect_url="https://example.com/welcome",
        reminder_hours=48,
        give_up_days=14,
        color="#aa3300",
    )

    stored = Workspace.objects.get()
    assert errors == {}
    assert stored.confirmation_subject == "Is it you, {{subscriber.firstName|friend}}?"
    assert stored.confirmation_html == f'<p>Hello</p>\n<a href="{LINK}">Yes</a>'
    assert stored.confirmation_text == f"Yes: {LINK}"
    assert stored.confirmation_needs_button
    assert stored.confirmation_redirect_url == "https://example.com/welcome"
    assert (stored.reminder_hours, stored.give_up_days, stored.color) == (48, 14, "#aa3300")
    assert stored.config_version == workspace.config_version + 1


@pytest.mark.parametrize(
    "fields",
    [
        {"confirmation_html": f'<a href="{LINK}">Yes</a>'},
        {"confirmation_text": f"Yes: {LINK}"},
        {"confirmation_subject": "Is it you?"},
    ],
)
def test_what_is_left_out_is_made_or_ours(
    admin_client: Client, workspace: Workspace, fields: dict[str, str]
) -> None:
    assert save(admin_client, workspace, **fields) == {}


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"confirmation_html": "<p>Hello</p>"}, {"confirmation_html"}),
        ({"confirmation_text": "Hello"}, {"confirmation_text"}),
        # A mail of two parts: each reader sees one of them.
        (
            {"confirmation_html": f'<a href="{LINK}">Yes</a>', "confirmation_text": "Hello"},
            {"confirmation_text"},
        ),
        (
            {"confirmation_html": "<p>Hello</p>", "confirmation_text": LINK},
            {"confirmation_html"},
        ),
        # The tag is there, and nobody who gave no more than an address gets the link.
        (
            {"confirmation_text": "{% if subscriber.firstName != '' %}" + LINK + "{% endif %}"},
            {"confirmation_text"},
        ),
        ({"confirmation_html": f"<p>Hello</p><!-- {LINK} -->"}, {"confirmation_html"}),
    ],
)
def test_a_mail_without_the_link_is_refused_where_it_is_missing(
    admin_client: Client, workspace: Workspace, fields: dict[str, str], refused: set[str]
) -> None:
    errors = save(admin_client, workspace, **fields)

    assert set(errors) == refused
    assert all("{{DOUBLE_OPT_IN_URL}}" in error[0] for error in errors.values())
    assert Workspace.objects.get().confirmation_html == ""


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"confirmation_html": f"{LINK}\n{{% if x %}}"}, "confirmation_html", "Line 2"),
        ({"confirmation_text": LINK + "{{password}}"}, "confirmation_text", "'password' is not"),
        ({"confirmation_subject": "{% include 'x' %}"}, "confirmation_subject", "include"),
        ({"confirmation_subject": "a\u2028b"}, "confirmation_subject", "one line"),
        (
            {"confirmation_text": LINK + "{% for a in (1..20000000) %}{{a}}{% endfor %}"},
            "confirmation_text",
            "Line 1",
        ),
    ],
)
def test_what_is_no_template_is_refused_with_its_fault(
    admin_client: Client, workspace: Workspace, fields: dict[str, str], field: str, words: str
) -> None:
    errors = save(admin_client, workspace, **fields)

    assert set(errors) == {field}
    assert words in errors[field][0]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("confirmation_redirect_url", "http://example.com/", "https://"),
        ("confirmation_redirect_url", "javascript:alert(1)", "valid URL"),
        ("confirmation_redirect_url", "https://example.com@evil.example/", "https://"),
        ("confirmation_redirect_url", f"https://example.com/{'x' * 500}", "500"),
        ("color", "red", "#2b665d"),
        ("color", "#fff", "#2b665d"),
        ("reminder_hours", -1, "equal to 0"),
        ("reminder_hours", 721, "from 0 to 720"),
        ("give_up_days", 3651, "from 0 to 3650"),
        ("give_up_days", "", "required"),
    ],
)
def test_what_makes_no_sense_is_refused(
    admin_client: Client, workspace: Workspace, field: str, value: Any, words: str
) -> None:
    errors = save(admin_client, workspace, **{field: value})

    assert set(errors) == {field}
    assert words in " ".join(errors[field])
    assert Workspace.objects.get().config_version == workspace.config_version


def test_an_address_without_a_scheme_is_one_of_https(
    admin_client: Client, workspace: Workspace
) -> None:
    save(admin_client, workspace, confirmation_redirect_url="example.com/welcome")

    assert Workspace.objects.get().confirmation_redirect_url == "https://example.com/welcome"


@pytest.mark.parametrize(
    ("hours", "days", "refused"), [(48, 2, {"reminder_hours"}), (47, 2, set()), (48, 0, set())]
)
def test_a_reminder_after_all_was_given_up_is_refused(
    admin_client: Client, workspace: Workspace, hours: int, days: int, refused: set[str]
) -> None:
    errors = save(admin_client, workspace, reminder_hours=hours, give_up_days=days)

    assert set(errors) == refused
