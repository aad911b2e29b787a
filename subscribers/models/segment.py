"""Segments: saved conditions on people, which the language of segments reads."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.timezone import now

from subscribers.ids import decode, encode, new_id
from subscribers.models.workspace import Workspace


class Segment(models.Model):
    """Who belongs to it is asked anew each time; no members are stored."""

    PREFIX = "seg"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, db_index=False, related_name="segments"
    )
    name = models.CharField(max_length=200)
    # A group of filters, as the wire has it.
    root = models.JSONField()
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="segment_one_per_name_in_workspace"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        return encode(self.PREFIX, self.id)

    @classmethod
    def id_in(cls, text: str) -> UUID | None:
        return decode(cls.PREFIX, text)
