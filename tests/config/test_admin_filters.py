"""Filters by time: whole days, moments with and without a zone, and what is none."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from config.admin_base import NOT_OFFERED, list_url
from events.models import Enrollment, FailedStage
from subscribers.models import ConsentRecord, ImportRun, OutgoingEmail, Tag
from tests import factories

COLUMNS: dict[type[Model], str] = {
    Enrollment: "entered_at",
    FailedStage: "failed_at",
    OutgoingEmail: "created_at",
    ConsentRecord: "at",
    ImportRun: "started_at",
    LogEntry: "action_time",
}


def make(model: type[Model]) -> Model:
    """Make a row of now."""
    now = timezone.now()
    if model is LogEntry:
        return LogEntry.objects.create(
            user=User.objects.get(),
            content_type=ContentType.objects.get_for_model(Tag),
            object_id="1",
            object_repr="tag",
            action_flag=CHANGE,
        )
    row: Model = getattr(factories, f"{model.__name__}Factory").create(**{COLUMNS[model]: now})
    return row


def shown(client: Client, model: type[Model], **filters: str) -> list[Any]:
    return list(client.get(list_url(model, **filters)).context["cl"].result_list)


@pytest.mark.parametrize("model", COLUMNS)
def test_a_list_is_narrowed_to_days(admin_client: Client, model: type[Model]) -> None:
    row = make(model)
    today, tomorrow, yesterday = (
        (timezone.localdate() + timedelta(days=days)).isoformat() for days in (0, 1, -1)
    )

    assert shown(admin_client, model, **{"from": today, "until": today}) == [row]
    assert shown(admin_client, model, **{"from": yesterday}) == [row]
    assert shown(admin_client, model, **{"from": tomorrow}) == []
    assert shown(admin_client, model, until=yesterday) == []


def test_a_moment_is_of_the_zone_of_the_pages_unless_it_has_one(admin_client: Client) -> None:
    email = factories.OutgoingEmailFactory.create(created_at=timezone.now())
    moment = timezone.localtime(email.created_at)
    before = moment - timedelta(minutes=1)

    assert shown(admin_client, OutgoingEmail, **{"from": f"{before:%Y-%m-%dT%H:%M}"}) == [email]
    assert shown(admin_client, OutgoingEmail, until=f"{before:%Y-%m-%d %H:%M}") == []
    assert shown(admin_client, OutgoingEmail, until=moment.isoformat()) == []
    later = (moment + timedelta(seconds=1)).astimezone(timezone.get_fixed_timezone(600))
    assert shown(admin_client, OutgoingEmail, until=later.isoformat()) == [email]


def test_the_filter_in_use_is_shown_and_removed_by_a_link(admin_client: Client) -> None:
    page = admin_client.get(
        list_url(OutgoingEmail, **{"from": "2026-11-29", "until": "2026-11-30"})
    )

    text = page.content.decode()
    assert "From: <strong>2026-11-29 00:00:00</strong>" in text
    assert "Until: <strong>2026-12-01 00:00:00</strong>" in text
    assert 'href="?until=2026-11-30"' in text
    assert 'value="2026-12-01T00:00"' in text
    today = timezone.localdate().isoformat()
    assert f'href="?from={today}">Today</a>' in text


@pytest.mark.parametrize("value", ["zzz", "2026-02-30", "0001-01-01", "9999-12-31", "20260101"])
@pytest.mark.parametrize("name", ["from", "until"])
def test_what_is_no_time_is_a_notice(admin_client: Client, name: str, value: str) -> None:
    page = admin_client.get(list_url(OutgoingEmail, **{name: value}), follow=True)

    assert page.status_code == 200
    told = [str(each) for each in page.context["messages"]]
    assert told in ([NOT_OFFERED], [])
