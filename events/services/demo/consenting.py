"""Consent in a demo: who answers, leaves, bounces or complains, with the ledger's lines."""

from datetime import datetime
from typing import Any

from events.models import Enrollment
from events.services.demo.catalogue import BETA, BROWSERS, NEWS, WEBINARS
from events.services.demo.playing import Story
from events.services.enrollments.audience_changes import NOT_CONFIRMED, SUPPRESSED, UNSUBSCRIBED
from subscribers.models import (
    Confirmation,
    ConsentRecord,
    ListMembership,
    Subscriber,
    Suppression,
)
from subscribers.wire.address_hashes import address_hash

Kind = ConsentRecord.Kind
Status = Subscriber.Status


def note(story: Story, kind: ConsentRecord.Kind, at: datetime, **columns: Any) -> None:
    """Write a line of the ledger."""
    story.rows.ledger.append(
        ConsentRecord(
            id=story.rows.ids.at(at),
            workspace=story.company.workspace,
            subscriber=story.person,
            address_hash=hash_of(story),
            kind=kind,
            at=at,
            **columns,
        )
    )


def hash_of(story: Story) -> str:
    """Return the hash of the person's address."""
    return address_hash(story.company.workspace.address_hash_key, story.person.email_key)


def confirm(story: Story, question: Confirmation, at: datetime) -> None:
    """Let somebody pending say yes; those of a test key are confirmed by hand."""
    if story.person.status != Status.PENDING:
        return
    story.person.status, story.person.updated_at = Status.ACTIVE, at
    question.confirmed_at = question.closed_at = at
    for enrollment in story.enrollments:
        if enrollment.row.status == Enrollment.Status.WAITING_CONFIRMATION:
            enrollment.row.status = Enrollment.Status.ACTIVE
            enrollment.row.step_since = enrollment.row.due_at = enrollment.row.updated_at = at
    if story.life.is_test:
        note(story, Kind.CONFIRMED, at, method="hand", actor="admin", reason="Our own test account")
    else:
        method = story.rows.random.choice(("gesture", "gesture", "button"))
        note(story, Kind.CONFIRMED, at, method=method, **_browser(story))
    join(story, NEWS, at)
    if story.rows.random.random() < 0.3:  # noqa: PLR2004 - of a demo
        join(story, WEBINARS, at)
    if story.rows.random.random() < 0.08:  # noqa: PLR2004 - of a demo
        join(story, BETA, at)


def join(story: Story, list_name: str, at: datetime) -> None:
    """Put somebody on a list."""
    story.rows.memberships.append(
        ListMembership(
            id=story.rows.ids.at(at),
            workspace=story.company.workspace,
            list_id=story.company.list_ids[list_name],
            subscriber=story.person,
            subscribed_at=at,
        )
    )


def give_up(story: Story, question: Confirmation, at: datetime) -> None:
    """Close the question of somebody who never answered."""
    if story.person.status != Status.PENDING:
        return
    question.closed_at = at
    for enrollment in story.enrollments:
        if enrollment.row.status == Enrollment.Status.WAITING_CONFIRMATION:
            enrollment.end(at, status=Enrollment.Status.EXPIRED, reason=NOT_CONFIRMED)
    note(story, Kind.GIVEN_UP, at)


def leave(story: Story, at: datetime) -> None:
    """Let somebody active unsubscribe."""
    if story.person.status != Status.ACTIVE:
        return
    story.person.status, story.person.updated_at = Status.UNSUBSCRIBED, at
    story.person.unsubscribed_at = at
    story.stop_all(at, reason=UNSUBSCRIBED)
    method = story.rows.random.choice(("one_click", "page"))
    reason = story.rows.random.choice(("", "", "Too many mails")) if method == "page" else ""
    note(story, Kind.LEFT, at, method=method, reason=reason, **_browser(story))


def bounce(story: Story, at: datetime, said: str) -> None:
    """Put down an address that a mail server says is none."""
    _put_down(story, at, Suppression.Reason.HARD_BOUNCE, "smtp", said)
    story.person.status = Status.BOUNCED


def complain(story: Story, at: datetime) -> None:
    """Put down the address of somebody active who called a mail junk."""
    if story.person.status != Status.ACTIVE:
        return
    _put_down(story, at, Suppression.Reason.COMPLAINT, "webhook", "")
    story.person.status = Status.COMPLAINED


def _put_down(
    story: Story, at: datetime, reason: Suppression.Reason, source: str, said: str
) -> None:
    story.person.updated_at = at
    story.stop_all(at, reason=SUPPRESSED)
    story.rows.suppressions.append(
        Suppression(
            id=story.rows.ids.at(at),
            workspace=story.company.workspace,
            address_hash=hash_of(story),
            email=story.person.email,
            reason=reason,
            source=source,
            details=said,
            bounces=int(reason == Suppression.Reason.HARD_BOUNCE),
            created_at=at,
        )
    )
    note(story, Kind.SUPPRESSED, at, method=source, reason=said or reason.label)


def _browser(story: Story) -> dict[str, str]:
    """Return where an answer came from; the addresses are those of documentation."""
    random = story.rows.random
    return {"ip": f"203.0.113.{random.randint(1, 254)}", "user_agent": random.choice(BROWSERS)}
