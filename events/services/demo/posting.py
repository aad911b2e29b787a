"""Mails of a demo: written by the product's own templates, with what became of each as a row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from events.services.demo import consenting
from events.services.demo.lives import Fate
from events.services.demo.playing import Played, Story
from events.services.engine import mails
from events.services.engine.loaded_versions import PlacedStep
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import outbox
from subscribers.services.outbox.outbox import Draft

Status = OutgoingEmail.Status
TEST_KEY = "test_key"
SAID = {
    Fate.BOUNCED: "550 5.1.1 The email account that you tried to reach does not exist",
    Fate.REFUSED: "554 5.7.1 Message refused by the recipient's policy",
    Fate.DEFERRED: "451 4.7.1 Too many messages, try again later",
    Fate.UNKNOWN: "No answer came to the message: timed out",
}
STATUS_BY_FATE = {
    Fate.BOUNCED: Status.FAILED,
    Fate.REFUSED: Status.FAILED,
    Fate.DEFERRED: Status.QUEUED,
    Fate.UNKNOWN: Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of a mail; `reason` why it was left out, `error` what the server said."""

    email_id: UUID | None
    reason: str = ""
    error: str = ""
    is_deferred: bool = False
    is_unknown: bool = False

    @property
    def is_skipped(self) -> bool:
        """Whether it never leaves."""
        return bool(self.reason)


def post(enrollment: Played, placed: PlacedStep, at: datetime) -> Posted:
    """Write the mail of a step, and let happen to it what the life says."""
    story = enrollment.story
    draft = mails.write(enrollment=enrollment, placed=placed)
    reason = outbox.reason_to_skip(subscriber=story.person, kind=draft.kind)
    if reason:
        return Posted(email_id=None, reason=reason)
    if story.life.is_test:
        email = keep(story, draft, at, status=Status.SKIPPED, reason=TEST_KEY)
        return Posted(email_id=email.pk, reason=TEST_KEY)
    story.mails += 1
    fate = story.life.fates.get(story.mails)
    email = keep(story, draft, at, **columns_of(fate, at))
    if fate is Fate.BOUNCED:
        consenting.bounce(story, at + timedelta(seconds=1), SAID[fate])
    return Posted(
        email_id=email.pk,
        error=email.last_error,
        is_deferred=fate is Fate.DEFERRED,
        is_unknown=fate is Fate.UNKNOWN,
    )


def columns_of(fate: Fate | None, at: datetime) -> dict[str, Any]:
    """Return the columns of a mail that met its fate; None: it was sent."""
    begun = {"attempts": 1, "sending_since": at}
    if fate is None:
        return {**begun, "status": Status.SENT, "sent_at": at + timedelta(milliseconds=640)}
    return {**begun, "status": STATUS_BY_FATE[fate], "last_error": SAID[fate]}


def keep(story: Story, draft: Draft, at: datetime, **columns: Any) -> OutgoingEmail:
    """Return the row of a mail, which is among the rows then."""
    email_id = story.rows.ids.at(at)
    email = OutgoingEmail(
        id=email_id,
        workspace=story.company.workspace,
        subscriber=story.person,
        kind=draft.kind,
        cause=draft.cause,
        message_id=f"<{email_id.hex}@example.com>",
        sender=draft.sender,
        reply_to=draft.reply_to,
        recipient=draft.recipient,
        subject=draft.subject,
        html=draft.html,
        text=draft.text,
        headers=dict(draft.headers),
        created_at=at,
        **columns,
    )
    story.rows.emails.append(email)
    return email
