"""Lists show numbers that the worker counted; no page counts."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, list_url
from events.models import CurrentCount, EventCount, EventDefinition, Sequence
from events.services.counts import current, step_roll_ups
from subscribers.models import List, Tag, Workspace
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def cells(client: Client, model: type[Model], field: str) -> list[str]:
    """Return the words in a column of a list, row by row."""
    page = client.get(list_url(model)).content.decode()
    found = re.findall(rf"<t[dh][^>]*field-{field}\b[^>]*>(.*?)</t[dh]>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", each).split()) for each in found]


def make_tag(workspace: Workspace, name: str, count: int, **columns: Any) -> Tag:
    tag = factories.TagFactory.create(workspace=workspace, name=name)
    CurrentCount.objects.create(
        workspace=workspace, subject=current.Subject.TAG, subject_id=tag.pk, count=count, **columns
    )
    return tag


def test_tags_show_how_many_people_have_them(admin_client: Client, workspace: Workspace) -> None:
    now = timezone.now()
    make_tag(workspace, "vip", 1234, counted_at=now)
    old = make_tag(workspace, "old", 5, counted_at=now - timedelta(days=40))
    factories.TagFactory.create(workspace=workspace, name="new")

    new, shown_old, vip = cells(admin_client, Tag, "people")

    assert (new, vip) == ("not counted yet", "1,234")
    assert re.fullmatch(r"5 as of \d+ \w+, \d\d:\d\d UTC", shown_old)
    assert f"/subscriber/?tag={old.pk.hex}" in admin_client.get(list_url(Tag)).content.decode()
    assert "5 as of" in admin_client.get(admin_url(old)).content.decode()


def test_lists_show_their_members(admin_client: Client, workspace: Workspace) -> None:
    factories.ListMembershipFactory.create(workspace=workspace, list__workspace=workspace)
    current.count_due(now=timezone.now())

    assert cells(admin_client, List, "members") == ["1"]


def test_definitions_show_how_often_their_events_came(admin_client: Client) -> None:
    now = timezone.now()
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    bucket = factories.EventCountFactory.create(count=1200, starts_at=now)
    factories.EventCountFactory.create(
        definition=bucket.definition, unit=EventCount.Unit.DAY_OF_OCCURRENCE, count=1300,
        starts_at=day - timedelta(days=1),
    )  # fmt: skip
    factories.EventDefinitionFactory.create()

    assert cells(admin_client, EventDefinition, "in_day") == ["0", "1,200"]
    assert cells(admin_client, EventDefinition, "in_month") == ["0", "1,300"]
    assert cells(admin_client, EventDefinition, "last_seen") == ["", "yesterday"]


def test_sequences_show_what_they_did_this_week(admin_client: Client, workspace: Workspace) -> None:
    now = timezone.now()
    enrollment_of(make_sequence(workspace))
    step_roll_ups.roll_up(now=now + HOUR)
    current.count_due(now=now)

    assert cells(admin_client, Sequence, "under_way") == ["1"]
    assert cells(admin_client, Sequence, "entered") == ["1"]
    assert cells(admin_client, Sequence, "mailed") == ["0"]
