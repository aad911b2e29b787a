"""Sequences, their versions and steps."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import encode, new_id
from subscribers.models import Workspace


class Sequence(models.Model):
    """One sequence: who enters it and what ends it; the steps are in its versions."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        ARCHIVED = "archived", "Archived"

    class Trigger(models.TextChoices):
        EVENT_RECEIVED = "event_received", "Event received"
        TAG_ADDED = "tag_added", "Tag added"
        LIST_JOINED = "list_joined", "List joined"
        MANUAL = "manual", "Manual"

    class Mode(models.TextChoices):
        UNLIMITED = "unlimited", "Again, when no enrollment is under way"
        ONE_TIME = "one_time", "Once"
        MATCHING_FIELD = "matching_field", "Once at a time for each value of a field"
        RESTART = "restart", "Begin anew each time, and end the enrollment under way"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, db_index=False, related_name="sequences"
    )
    key = models.CharField(
        max_length=100, help_text="Stable name by which files match it; does not change."
    )
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    is_enrollment_paused = models.BooleanField(
        default=False, help_text="Nobody enters; enrollments under way continue."
    )
    trigger = models.CharField(max_length=14, choices=Trigger, default=Trigger.EVENT_RECEIVED)
    # The rest of the trigger: event name and filters, tags, or lists.
    trigger_config = models.JSONField(default=dict, blank=True)
    enrollment_mode = models.CharField(max_length=14, choices=Mode, default=Mode.UNLIMITED)
    enrollment_field_path = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Path in the event's properties, such as order.id, for one enrollment a value.",
    )
    stop_condition = models.JSONField(null=True, blank=True)
    active_subscribers_only = models.BooleanField(
        default=False, help_text="People who unsubscribed, bounced or complained do not enter."
    )
    runs_while_pending = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Runs before the person has confirmed; all its mails are transactional.",
    )
    # What new enrollments begin with; earlier versions stay for their enrollments.
    current_version = models.ForeignKey(
        "SequenceVersion", models.PROTECT, null=True, related_name="+"
    )
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True, default="")
    # When the log last warned of what it lost.
    losses_told_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "key"], name="sequence_one_per_key_in_workspace"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        return encode("seq", self.id)


class SequenceVersion(models.Model):
    """The steps at one time; unchanged once an enrollment has begun with them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    sequence = models.ForeignKey(Sequence, models.CASCADE, db_index=False, related_name="versions")
    number = models.PositiveIntegerField()
    sending_window = models.JSONField(null=True, blank=True)
    # A list's public id, without a key: a deleted list keeps everybody from its mail.
    mail_list = models.CharField(max_length=40, blank=True, default="", db_default="")
    from_email = models.EmailField(blank=True, default="")
    from_name = models.CharField(max_length=200, blank=True, default="")
    reply_to = models.EmailField(blank=True, default="")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sequence", "number"], name="sequence_version_one_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Step(models.Model):
    class Kind(models.TextChoices):
        EMAIL = "email", "Email"
        DELAY = "delay", "Delay"
        WAIT_FOR_EVENT = "wait_for_event", "Wait for an event"
        CONDITION = "condition", "Condition"
        SPLIT = "split", "Split"
        UPDATE_TAGS = "update_tags", "Update tags"
        UPDATE_LIST = "update_list", "Update lists"
        UPDATE_SUBSCRIBER = "update_subscriber", "Update subscriber"
        WEBHOOK = "webhook", "Webhook"
        EXIT = "exit", "Exit"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    version = models.ForeignKey(
        SequenceVersion, models.CASCADE, db_index=False, related_name="steps"
    )
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=64, help_text="The step's id on the wire, kept by editing.")
    kind = models.CharField(max_length=17, choices=Kind)
    # The step's wire form, without defaults.
    config = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "position"], name="step_one_per_position_in_version"
            ),
            models.UniqueConstraint(fields=["version", "key"], name="step_one_per_key_in_version"),
        ]

    def __str__(self) -> str:
        return f"{self.position + 1}. {self.get_kind_display()}"
