"""What an installation has once: the fingerprint of its key, and whether it is on hold."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now


class Installation(models.Model):
    """The one row of this database; a process with another SECRET_KEY refuses to start."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    secret_key_fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)
    # Set in the transaction that restores a backup: until somebody resumes, nothing is claimed.
    on_hold_since = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="installation_is_one"),
        ]

    def __str__(self) -> str:
        return "this installation"
