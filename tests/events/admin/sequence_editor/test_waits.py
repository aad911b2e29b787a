"""Waits in the editor's forms."""

from typing import Any

import pytest
from django.test import Client

from config.admin_base import admin_url
from subscribers.models import Workspace
from tests.events.admin.sequence_editor.test_sequence_editor import errors_of, opened, wire_of
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
WAITS: list[dict[str, Any]] = [
    {"type": "delay", "id": "hours", "hours": 48},
    {
        "type": "delay", "id": "birthday", "mode": "until_date", "field": "born",
        "source": "subscriber", "anniversary": True,
    },
    {
        "type": "delay", "id": "nine", "mode": "until_weekday", "days": ["monday"],
        "startTime": "09:00",
    },
    {
        "type": "delay", "id": "late", "mode": "until_weekday", "days": ["monday"],
        "startTime": "09:00", "endTime": "24:00",
    },
]  # fmt: skip


def test_saving_waits_changes_nothing(admin_client: Client, workspace: Workspace) -> None:
    waits = make_sequence(workspace, *WAITS, trigger="manual")
    before = wire_of(waits)

    answer = admin_client.post(admin_url(waits), opened(admin_client, waits))

    assert answer.status_code == 302, errors_of(answer)
    assert wire_of(waits) == before
