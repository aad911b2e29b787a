"""Answers kept for `Idempotency-Key`, so that a repeat is answered without being done again."""

from typing import ClassVar

from django.db import models

from subscribers.ids import new_id
from subscribers.models.workspace import Workspace


class IdempotentRequest(models.Model):
    """A reservation while `status` is NULL, then the first answer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    # The hash of the API key's id and the header.
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    # Only the token's holder stores the answer; a request that takes over sets a new one.
    token = models.UUIDField(default=new_id)
    lease_expires_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(default=bytes)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "key", "method", "path"],
                name="idempotent_request_one_per_key_and_path",
            ),
        ]
        indexes: ClassVar = [
            # The hourly purge.
            models.Index(fields=["expires_at"], name="idempotent_request_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
