"""The confirmation mail for an operator's eyes: as people get it, and good for nothing."""

from datetime import UTC, datetime

import pytest

from subscribers.models import Confirmation, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import links, trial
from subscribers.services.consent.links import LinkState
from subscribers.services.consent.mail import LinkMissing
from subscribers.templating.mail import TemplateFault

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LINK = "{{DOUBLE_OPT_IN_URL}}"


def test_the_sample_is_the_workspace_s_mail_for_somebody_unknown(workspace: Workspace) -> None:
    workspace.confirmation_subject = "Welcome to {{workspace.name}}, {{subscriber.email}}"
    workspace.confirmation_html = f'<a href="{LINK}">Yes</a>'

    mail = trial.sample(workspace=workspace)

    assert mail.subject == "Welcome to Acme, ada@example.com"
    assert "/c/sample" in mail.html
    assert "/c/sample" in mail.text


def test_the_sample_makes_nothing_and_its_link_confirms_nobody(workspace: Workspace) -> None:
    trial.sample(workspace=workspace)

    assert links.read_link("sample", NOON).state is LinkState.UNKNOWN
    for model in (Confirmation, OutgoingEmail, Subscriber):
        assert not model._default_manager.exists()


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"confirmation_html": "<p>Hello</p>"}, LinkMissing),
        ({"confirmation_html": f"<p>{LINK}</p>", "confirmation_text": "Hello"}, LinkMissing),
        ({"confirmation_text": "{{ broken"}, TemplateFault),
    ],
)
def test_a_mail_that_cannot_be_rendered_is_reported(
    workspace: Workspace, columns: dict[str, str], fault: type[Exception]
) -> None:
    for name, template in columns.items():
        setattr(workspace, name, template)

    with pytest.raises(fault):
        trial.sample(workspace=workspace)
