"""Segments of a workspace, made by the service."""

from datetime import UTC, datetime
from typing import Any

from events.language.segments import parse_root
from events.services.segments import segments
from subscribers.models import Segment, Subscriber, Workspace
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TAGGED = {"field": "tag", "operator": "contains", "value": "vip"}
ACTIVE = {"field": "status", "operator": "is", "value": "active"}


def make_segment(workspace: Workspace, *children: dict[str, Any], name: str = "VIPs") -> Segment:
    """Save a segment of these conditions; of the tag `vip` when there are none."""
    root = parse_root({"children": list(children) or [TAGGED]})
    segment = Segment(workspace=workspace, name=name)
    segments.save(segment=segment, root=root, now=NOON)
    return segment


def tagged(workspace: Workspace, count: int, **columns: Any) -> list[Subscriber]:
    """Make people with the tag `vip`."""
    tag = workspace.tags.filter(name="vip").first()
    tag = tag or factories.TagFactory.create(workspace=workspace, name="vip")
    people = factories.SubscriberFactory.create_batch(count, workspace=workspace, **columns)
    for person in people:
        factories.SubscriberTagFactory.create(subscriber=person, tag=tag)
    return people
