"""Times on the admin's pages: by the clock of the row's workspace, with its name, UTC on hover."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, list_url, view_url
from config.readable import moment, time_tag
from subscribers.models import OutgoingEmail
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def mail_of(zone: str) -> OutgoingEmail:
    return factories.OutgoingEmailFactory.create(
        subscriber__workspace__timezone=zone, created_at=NOON, sent_at=None
    )


def test_each_row_of_a_list_has_the_clock_of_its_workspace(admin_client: Client) -> None:
    for zone in ("Europe/Berlin", "America/New_York", "America/Sao_Paulo"):
        mail_of(zone)

    page = admin_client.get(list_url(OutgoingEmail)).content.decode()

    hover = 'title="Europe/Berlin · 2026-11-24 12:00:00 UTC"'
    assert f'<time datetime="2026-11-24T12:00:00Z" {hover}>2026-11-24 13:00:00 CET</time>' in page
    assert ">2026-11-24 07:00:00 EST</time>" in page
    # Its short name is a number.
    assert ">2026-11-24 09:00:00 America/Sao_Paulo</time>" in page


def test_the_page_of_a_row_has_its_workspace_s_clock(admin_client: Client) -> None:
    email = mail_of("Europe/Berlin")

    page = admin_client.get(admin_url(email)).content.decode()

    assert ">2026-11-24 13:00:00 CET</time>" in page


def test_the_next_page_does_not_inherit_a_clock(admin_client: Client) -> None:
    admin_client.get(admin_url(mail_of("Europe/Berlin")))

    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.django_db
def test_rows_without_a_workspace_have_the_clock_of_the_only_one(admin_client: Client) -> None:
    factories.WorkspaceFactory.create(timezone="Europe/Berlin")
    worker = factories.WorkerFactory.create(started_at=NOON)

    with_one = admin_client.get(admin_url(worker)).content.decode()
    factories.WorkspaceFactory.create(timezone="Asia/Tokyo")
    with_two = admin_client.get(admin_url(worker)).content.decode()

    assert ">2026-11-24 13:00:00 CET</time>" in with_one
    assert ">2026-11-24 12:00:00 UTC</time>" in with_two


def test_a_time_has_words_of_its_own() -> None:
    assert moment(NOON) == "2026-11-24 12:00:00 UTC"
    assert ">at noon &lt;</time>" in time_tag(NOON, "at noon <")


def test_the_history_of_a_row_names_the_zone(admin_client: Client) -> None:
    email = mail_of("Europe/Berlin")
    LogEntry.objects.create(
        user=User.objects.get(), content_type=ContentType.objects.get_for_model(OutgoingEmail),
        object_id=str(email.pk), object_repr="x", action_flag=CHANGE, action_time=NOON,
    )  # fmt: skip

    page = admin_client.get(view_url(email, "history")).content.decode()

    assert "2026-11-24 13:00:00 CET" in page
