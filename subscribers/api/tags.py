"""`/tags`: the names that subscribers can have, with a colour."""

from typing import Annotated
from uuid import UUID

from django.db import transaction
from msgspec.structs import asdict

from events.services.sequences import name_uses
from subscribers import ids
from subscribers.api.calls import (
    Answered,
    ResourceView,
    Shape,
    etag_of,
    id_in_path,
    reads,
    writes,
)  # fmt: skip
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.values import TagId, TagName, one_of
from subscribers.models import Tag
from subscribers.models.api_key import Scope
from subscribers.services.audience import tags

Color = Annotated[str, one_of(*Tag.Color.values)]
TagOfPath = Annotated[UUID, id_in_path("tag")]


@inputs
class NewTag(Inputs):
    name: TagName
    color: Color = Tag.Color.GRAY


@inputs
class TagChange(Inputs):
    color: Color


class TagShape(Shape, kw_only=True):
    id: TagId
    name: str
    color: str
    is_system: bool


class ListedTag(TagShape, kw_only=True):
    """`etag`: what `If-Match` takes."""

    etag: str


class TagsAnswer(Answered, kw_only=True):
    tags: list[ListedTag]


class TagAnswer(Answered, kw_only=True):
    tag: TagShape

    @property
    def edited(self) -> TagShape:
        return self.tag


class TagsView(ResourceView):
    @reads("Every tag", scope=Scope.SUBSCRIBERS_READ)
    def get(self) -> TagsAnswer:
        rows = Tag.objects.filter(workspace=self.workspace).order_by("name")
        return TagsAnswer(tags=[_listed(shape_of(row)) for row in rows])

    @writes("Create a tag", scope=Scope.TAGS_WRITE, example={"name": "VIP User", "color": "blue"})
    def post(self, given: NewTag) -> TagAnswer:
        tag = tags.create(workspace=self.workspace, name=given.name, color=given.color)
        return TagAnswer(tag=shape_of(tag))


class TagView(ResourceView):
    @writes("Change a tag's colour", scope=Scope.TAGS_WRITE, example={"color": "red"})
    def patch(self, given: TagChange, *, tag_id: TagOfPath) -> TagAnswer:
        tag = self._locked(tag_id)
        self.expect(shape_of(tag))
        tags.refuse_system(tag)
        tag.color = given.color
        tag.save(update_fields=["color"])
        return TagAnswer(tag=shape_of(tag))

    @writes("Delete a tag, and take it from everybody", scope=Scope.TAGS_WRITE, is_atomic=False)
    def delete(self, *, tag_id: TagOfPath) -> Answered:
        with transaction.atomic():
            tag = self._locked(tag_id)
            # Once: what others change meanwhile is deleted, too.
            self.expect(shape_of(tag))
        tags.take_from_most(tag=tag, check=lambda: self._unused(tag_id))
        with transaction.atomic():
            tags.delete(tag=self._unused(tag_id))
        return Answered()

    def _unused(self, tag_id: UUID) -> Tag:
        tag = self._locked(tag_id)
        tags.refuse_system(tag)
        name_uses.refuse_if_used(name_uses.of_tag(tag))
        return tag

    def _locked(self, tag_id: UUID) -> Tag:
        return self.locked_row(Tag.objects.all(), tag_id, prefix="tag")


def shape_of(tag: Tag) -> TagShape:
    return TagShape(
        id=ids.encode("tag", tag.pk), name=tag.name, color=tag.color, is_system=tag.is_system
    )


def _listed(shape: TagShape) -> ListedTag:
    return ListedTag(**asdict(shape), etag=etag_of(shape))
