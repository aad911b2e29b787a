"""The operator's switches: which mail is sent, skipped or held."""

import pytest
from pytest_django.fixtures import Settings

from subscribers.models import Workspace
from subscribers.services.outbox.brakes import Verdict, verdict


def said(verdict: Verdict) -> tuple[bool, bool, bool, str]:
    """Return the verdict as its readers ask for it: allowed, hold, skip, and the reason."""
    return (verdict.is_allowed, verdict.is_hold, verdict.is_skip, verdict.reason)


ALLOWED = (True, False, False, "")
HELD = (False, True, False, "mail_paused")
TEST_KEY = (False, False, True, "test_key")
NOT_ALLOWED = (False, False, True, "not_in_allow_list")


@pytest.mark.parametrize(
    ("allow", "is_installation_paused", "is_workspace_paused", "is_test", "expected"),
    [
        ([], False, False, False, ALLOWED),
        (["example.com"], False, False, False, ALLOWED),
        (["ada@example.com"], False, False, False, ALLOWED),
        (["example.org"], False, False, False, NOT_ALLOWED),
        ([], True, False, False, HELD),
        ([], False, True, False, HELD),
        # What the list keeps out today may be let in before the switch is off again.
        (["example.org"], True, False, False, HELD),
        ([], False, False, True, TEST_KEY),
        (["example.com"], True, True, True, TEST_KEY),
    ],
)
def test_the_brakes(
    settings: Settings,
    allow: list[str],
    is_installation_paused: bool,
    is_workspace_paused: bool,
    is_test: bool,
    expected: tuple[bool, bool, bool, str],
) -> None:
    settings.EMAIL_ALLOW = allow
    settings.MAIL_PAUSED = is_installation_paused
    workspace = Workspace(is_mail_paused=is_workspace_paused)

    decided = verdict(workspace=workspace, recipient="Ada@Example.com", is_test=is_test)

    assert said(decided) == expected
