"""Rows of the audience."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from subscribers.models import (
    ApiKey,
    List,
    ListMembership,
    Segment,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.services.workspaces import key_format


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    """A workspace without rules or default lists."""

    class Meta:
        model = Workspace

    name = factory.Sequence("Workspace {}".format)
    slug = factory.Sequence("workspace-{}".format)


class ApiKeyFactory(DjangoModelFactory[ApiKey]):
    """A key that nobody knows the text of."""

    class Meta:
        model = ApiKey

    class Params:
        new_key = factory.LazyFunction(key_format.generate)

    workspace = factory.SubFactory(WorkspaceFactory)
    name = "app"
    prefix = factory.SelfAttribute("new_key.prefix")
    key_hash = factory.SelfAttribute("new_key.key_hash")


class SubscriberFactory(DjangoModelFactory[Subscriber]):
    """An active subscriber; the traits have the other statuses."""

    class Meta:
        model = Subscriber

    class Params:
        pending = factory.Trait(status=Subscriber.Status.PENDING)
        unsubscribed = factory.Trait(
            status=Subscriber.Status.UNSUBSCRIBED,
            unsubscribed_at=datetime(2026, 11, 24, tzinfo=UTC),
        )
        bounced = factory.Trait(status=Subscriber.Status.BOUNCED)
        complained = factory.Trait(status=Subscriber.Status.COMPLAINED)

    workspace = factory.SubFactory(WorkspaceFactory)
    email = factory.Sequence("person{}@example.com".format)
    email_key = factory.LazyAttribute(lambda row: row.email.lower())


class TagFactory(DjangoModelFactory[Tag]):
    """A tag that nobody bears."""

    class Meta:
        model = Tag

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence("tag-{}".format)


class SubscriberTagFactory(DjangoModelFactory[SubscriberTag]):
    """A subscriber who bears a tag."""

    class Meta:
        model = SubscriberTag

    subscriber = factory.SubFactory(SubscriberFactory)
    workspace = factory.SelfAttribute("subscriber.workspace")
    tag = factory.SubFactory(TagFactory, workspace=factory.SelfAttribute("..workspace"))


class ListFactory(DjangoModelFactory[List]):
    """A list without members."""

    class Meta:
        model = List

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence("List {}".format)


class SegmentFactory(DjangoModelFactory[Segment]):
    """Everybody who is active."""

    class Meta:
        model = Segment

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence("Segment {}".format)
    root = factory.LazyFunction(
        lambda: {"children": [{"field": "status", "operator": "is", "value": "active"}]}
    )


class ListMembershipFactory(DjangoModelFactory[ListMembership]):
    """A subscriber on a list."""

    class Meta:
        model = ListMembership

    subscriber = factory.SubFactory(SubscriberFactory)
    workspace = factory.SelfAttribute("subscriber.workspace")
    list = factory.SubFactory(ListFactory, workspace=factory.SelfAttribute("..workspace"))
