"""Rows of sequences, runs and the outbox."""

from datetime import UTC, datetime, timedelta

import factory
from factory.django import DjangoModelFactory

from events.models import AudienceEnrollment, Enrollment, Sequence, SequenceVersion, Step, StepRun
from subscribers.models import MailActivity, MailFlow, OutgoingEmail
from tests.factories.audience import SegmentFactory, SubscriberFactory, WorkspaceFactory

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class SequenceFactory(DjangoModelFactory[Sequence]):
    """A draft that hands start, without a version; `support.sequence_making` makes a whole one."""

    class Meta:
        model = Sequence

    workspace = factory.SubFactory(WorkspaceFactory)
    key = factory.Sequence("sequence-{}".format)
    name = factory.Sequence("Sequence {}".format)
    trigger = Sequence.Trigger.MANUAL


class SequenceVersionFactory(DjangoModelFactory[SequenceVersion]):
    """The first version of a sequence, not yet its current one, without steps."""

    class Meta:
        model = SequenceVersion

    sequence = factory.SubFactory(SequenceFactory)
    workspace = factory.SelfAttribute("sequence.workspace")
    number = 1


class StepFactory(DjangoModelFactory[Step]):
    """The exit of a version that has nothing else."""

    class Meta:
        model = Step

    version = factory.SubFactory(SequenceVersionFactory)
    workspace = factory.SelfAttribute("version.workspace")
    position = 0
    key = "out"
    kind = Step.Kind.EXIT
    config = factory.LazyAttribute(lambda row: {"type": str(row.kind.value), "id": row.key})


class EnrollmentFactory(DjangoModelFactory[Enrollment]):
    """An enrollment that is due at the only step of its version; the traits have other states."""

    class Meta:
        model = Enrollment

    class Params:
        waiting = factory.Trait(status=Enrollment.Status.WAITING, due_at=NOON + timedelta(days=30))
        waiting_confirmation = factory.Trait(
            status=Enrollment.Status.WAITING_CONFIRMATION, due_at=None
        )
        paused = factory.Trait(
            status=Enrollment.Status.PAUSED,
            status_before_pause=Enrollment.Status.ACTIVE,
            paused_at=NOON,
            due_at=None,
        )
        completed = factory.Trait(status=Enrollment.Status.COMPLETED, due_at=None, ended_at=NOON)
        failed = factory.Trait(
            status=Enrollment.Status.FAILED,
            last_error="The step failed.",
            due_at=None,
            ended_at=NOON,
        )

    version = factory.SubFactory(SequenceVersionFactory)
    sequence = factory.SelfAttribute("version.sequence")
    workspace = factory.SelfAttribute("version.workspace")
    subscriber = factory.SubFactory(
        SubscriberFactory, workspace=factory.SelfAttribute("..workspace")
    )
    step = factory.SubFactory(StepFactory, version=factory.SelfAttribute("..version"))
    status = Enrollment.Status.ACTIVE
    entry_slot = ""
    step_since = NOON
    due_at = NOON
    entered_at = NOON
    updated_at = NOON


class AudienceEnrollmentFactory(DjangoModelFactory[AudienceEnrollment]):
    """A mass enrollment that has not begun."""

    class Meta:
        model = AudienceEnrollment

    sequence = factory.SubFactory(SequenceFactory)
    workspace = factory.SelfAttribute("sequence.workspace")
    segment = factory.SubFactory(SegmentFactory, workspace=factory.SelfAttribute("..workspace"))
    segment_name = factory.SelfAttribute("segment.name")
    scheduled_for = NOON
    is_counted = True


class StepRunFactory(DjangoModelFactory[StepRun]):
    """A step that is done."""

    class Meta:
        model = StepRun

    enrollment = factory.SubFactory(EnrollmentFactory)
    workspace = factory.SelfAttribute("enrollment.workspace")
    step = factory.SelfAttribute("enrollment.step")
    status = StepRun.Status.DONE
    started_at = NOON
    ended_at = NOON


class OutgoingEmailFactory(DjangoModelFactory[OutgoingEmail]):
    """A queued marketing mail that an enrollment drives; the traits have the other statuses."""

    class Meta:
        model = OutgoingEmail

    class Params:
        sending = factory.Trait(status=OutgoingEmail.Status.SENDING, attempts=1, sending_since=NOON)
        sent = factory.Trait(status=OutgoingEmail.Status.SENT, attempts=1, sent_at=NOON)
        failed = factory.Trait(
            status=OutgoingEmail.Status.FAILED, attempts=1, last_error="550 No such user"
        )
        unknown = factory.Trait(status=OutgoingEmail.Status.UNKNOWN, attempts=1)
        skipped = factory.Trait(status=OutgoingEmail.Status.SKIPPED, reason="unsubscribed")

    subscriber = factory.SubFactory(SubscriberFactory)
    workspace = factory.SelfAttribute("subscriber.workspace")
    kind = OutgoingEmail.Kind.MARKETING
    cause = factory.Sequence("step:{:032x}:0:1".format)
    message_id = factory.Sequence("<mail-{}@example.com>".format)
    sender = "news@example.com"
    recipient = factory.SelfAttribute("subscriber.email")
    subject = "Hello"
    text = "Hello."
    created_at = NOON


class MailActivityFactory(DjangoModelFactory[MailActivity]):
    """A mail that its server delivered."""

    class Meta:
        model = MailActivity

    email = factory.SubFactory(OutgoingEmailFactory, sent=True)
    workspace = factory.SelfAttribute("email.workspace")
    subscriber = factory.SelfAttribute("email.subscriber")
    kind = MailActivity.Kind.DELIVERED
    at = NOON
    last_at = NOON


class MailFlowFactory(DjangoModelFactory[MailFlow]):
    """A mail server that takes the mails of a workspace."""

    class Meta:
        model = MailFlow

    workspace = factory.SubFactory(WorkspaceFactory)
    server = factory.Sequence("mail-{}.example.com:587".format)
