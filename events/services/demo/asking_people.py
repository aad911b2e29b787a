"""The question to the people of a demo: asked at the sign-up, once more after two days."""

from datetime import datetime, timedelta

from events.services.demo import consenting, posting
from events.services.demo.lives import CONFIRMATION
from events.services.demo.playing import Story
from subscribers.models import AskedAddress, Confirmation, OutgoingEmail, Subscriber
from subscribers.services.consent import mail
from subscribers.services.outbox import outbox
from subscribers.wire.address_hashes import mailbox_hash

Status = OutgoingEmail.Status


def ask(story: Story, at: datetime) -> Confirmation:
    """Ask somebody new; a test key's request stores the mail and asks nobody."""
    question = Confirmation(
        id=story.rows.ids.at(at),
        workspace=story.company.workspace,
        subscriber=story.person,
        asked_at=at,
    )
    story.rows.confirmations.append(question)
    if story.life.is_test:
        _write(story, question, at, number=0)
    else:
        question.mails = 1
        _write(story, question, at, number=1)
    return question


def remind(story: Story, question: Confirmation, at: datetime) -> None:
    """Remind somebody who has not answered."""
    if story.person.status == Subscriber.Status.PENDING:
        question.mails, question.reminded_at = 2, at
        _write(story, question, at, number=2)


def count_mails(story: Story, question: Confirmation) -> None:
    """Write how often the mailbox was asked; an answer begins the count anew."""
    if not question.mails:
        return
    key = story.company.workspace.address_hash_key
    story.rows.asked.append(
        AskedAddress(
            workspace=story.company.workspace,
            mailbox_hash=mailbox_hash(key, story.person.email_key),
            mails=0 if question.confirmed_at else question.mails,
            asked_at=question.reminded_at or question.asked_at,
        )
    )


def _write(story: Story, question: Confirmation, at: datetime, *, number: int) -> None:
    cause = outbox.cause_of_confirmation(confirmation_id=question.pk, number=number)
    draft = mail.write(confirmation=question, subscriber=story.person, cause=cause, now=at)
    if number == 0:
        posting.keep(story, draft, at, status=Status.SKIPPED, reason=posting.TEST_KEY)
        return
    fate = story.life.fates.get(CONFIRMATION)
    columns = posting.columns_of(fate, at + timedelta(seconds=2))
    if fate:
        columns["due_at"] = story.company.now + timedelta(hours=1)
    posting.keep(story, draft, at, **columns)
    kinds = consenting.Kind
    consenting.note(
        story,
        kinds.ASKED if number == 1 else kinds.REMINDED,
        at,
        text_hash=mail.text_hash(draft),
    )
