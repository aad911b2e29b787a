"""Tags: created when named, added and removed under the subscriber's lock."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from subscribers.models import Subscriber, SubscriberTag, Tag, Workspace
from subscribers.services.storage import portions
from subscribers.services.workspaces import workspaces
from subscribers.wire import tag_names


class TagTaken(ValueError):
    """The workspace has a tag of this name."""

    code = "CONFLICT"


class SystemTag(PermissionError):
    """The tag is the installation's own."""

    code = "FORBIDDEN"


def ensure(*, workspace: Workspace, names: Collection[str]) -> dict[str, Tag]:
    """Return the tags of the names by normal form; creates missing ones. Inserts in the order of
    the names, so that concurrent calls cannot deadlock. Raises `tag_names.InvalidTagName`.
    """
    wanted = sorted({tag_names.normalise(name) for name in names})
    known = _by_name(workspace, wanted)
    missing = [Tag(workspace=workspace, name=name) for name in wanted if name not in known]
    if missing:
        Tag.objects.bulk_create(missing, ignore_conflicts=True)
        known = _by_name(workspace, wanted)
    return known


def create(*, workspace: Workspace, name: str, color: str = Tag.Color.GRAY) -> Tag:
    """Create a tag by the normal form of its name; raises `TagTaken` and `InvalidTagName`."""
    tag = Tag(workspace=workspace, name=tag_names.normalise(name), color=color)
    try:
        with transaction.atomic():
            tag.save(force_insert=True)
    except IntegrityError as error:
        raise TagTaken(f"The workspace has a tag {tag.name} already.") from error
    return tag


def take_from_most(*, tag: Tag, check: Callable[[], object]) -> int:
    """Take a tag from so many people that `delete` is short; outside transactions. Returns how
    many. Idempotent.

    `check` locks the tag before each portion, and raises where it must stay.
    """
    return portions.delete_most(SubscriberTag.objects.filter(tag=tag), check=check)


def delete(*, tag: Tag) -> None:
    """Delete a tag, and take it from everybody; raises `SystemTag`. One transaction, which is long
    where very many have the tag: `take_from_most` comes before.
    """
    refuse_system(tag)
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=tag.workspace_id)
        tag.delete()
        workspaces.configuration_changed(workspace_id=tag.workspace_id)


def refuse_system(tag: Tag) -> None:
    if tag.is_system:
        raise SystemTag(f"{tag.name} is a tag of Cueline's own: it stays as it is.")


def names_of(subscriber: Subscriber) -> dict[UUID, str]:
    links = SubscriberTag.objects.filter(subscriber=subscriber)
    return dict(links.values_list("tag_id", "tag__name"))


def change(*, subscriber: Subscriber, added: Collection[UUID], removed: Collection[UUID]) -> None:
    """Add and remove tags; the caller holds the subscriber's lock. Idempotent."""
    if added or removed:
        change_many(subscribers=[subscriber], added=added, removed=removed)


def change_many(
    *, subscribers: Sequence[Subscriber], added: Collection[UUID], removed: Collection[UUID]
) -> None:
    """Change the same tags of subscribers whose locks the caller holds, in three statements."""
    people = [person.pk for person in subscribers]
    Subscriber.objects.filter(pk__in=people).update(tags_version=F("tags_version") + 1)
    if removed:
        SubscriberTag.objects.filter(subscriber__in=people, tag__in=removed).delete()
    SubscriberTag.objects.bulk_create(
        [
            SubscriberTag(workspace_id=person.workspace_id, subscriber=person, tag_id=tag_id)
            for person in subscribers
            for tag_id in sorted(added)
        ],
        ignore_conflicts=True,
    )


def _by_name(workspace: Workspace, names: Collection[str]) -> dict[str, Tag]:
    return {tag.name: tag for tag in Tag.objects.filter(workspace=workspace, name__in=names)}
