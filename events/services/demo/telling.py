"""Tells one life from its sign-up to now.

Events, deeds and enrollments in the order of their times.
"""

from datetime import datetime, timedelta

from events.models import Enrollment
from events.services.demo import asking_people, consenting
from events.services.demo.going_on import advance
from events.services.demo.lives import Deed, Life, PlannedEvent
from events.services.demo.playing import Company, Played, Story
from events.services.demo.rows import Rows
from subscribers.models import Confirmation, Subscriber, SubscriberTag
from subscribers.wire import addresses

Status = Enrollment.Status


def tell(company: Company, life: Life, rows: Rows) -> None:
    """Play a life until the company's now; its rows are among the others then."""
    person = _person(company, life, rows)
    story = Story(company=company, life=life, person=person, rows=rows)
    question = asking_people.ask(story, life.signed_up_at + timedelta(milliseconds=60))
    for at, moment in life.moments(until=company.now):
        advance(story, until=at)
        if isinstance(moment, PlannedEvent):
            story.take_in(moment)
        else:
            _do(story, question, moment, at)
    # The worker would be at what became due in the last seconds.
    advance(story, until=company.now - timedelta(seconds=10))
    asking_people.count_mails(story, question)
    _bear_tags(story)


def _person(company: Company, life: Life, rows: Rows) -> Subscriber:
    address = addresses.parse(life.email)
    person = Subscriber(
        id=rows.ids.at(life.signed_up_at),
        workspace=company.workspace,
        email=address.text,
        email_key=address.key,
        external_id=f"user_{life.number + 1}",
        first_name=life.first_name,
        last_name=life.last_name,
        status=Subscriber.Status.PENDING,
        attributes=life.attributes,
        timezone=life.timezone,
        unsubscribe_token=f"{rows.random.getrandbits(128):032x}",
        created_at=life.signed_up_at,
        updated_at=life.signed_up_at,
    )
    rows.subscribers.append(person)
    return person


def _do(story: Story, question: Confirmation, deed: Deed, at: datetime) -> None:
    match deed:
        case Deed.CONFIRMS:
            consenting.confirm(story, question, at)
        case Deed.IS_REMINDED:
            asking_people.remind(story, question, at)
        case Deed.IS_GIVEN_UP:
            consenting.give_up(story, question, at)
        case Deed.LEAVES:
            consenting.leave(story, at)
        case Deed.COMPLAINS:
            consenting.complain(story, at)
        case Deed.ENROLLMENT_PAUSED:
            _hold(_latest(story), at)
        case Deed.ENROLLMENT_CANCELLED:
            enrollment = _latest(story)
            if enrollment is not None:
                enrollment.end(at, status=Status.CANCELLED, reason="cancelled_by_hand")


def _latest(story: Story) -> Played | None:
    """Return the enrollment that began last of those that wait."""
    waiting = [
        enrollment for enrollment in story.enrollments if enrollment.row.status == Status.WAITING
    ]
    return waiting[-1] if waiting else None


def _hold(enrollment: Played | None, at: datetime) -> None:
    """Pause an enrollment as a hand does."""
    if enrollment is None:
        return
    row = enrollment.row
    row.status_before_pause, row.due_before_pause = row.status, row.due_at
    row.status, row.due_at, row.reason = Status.PAUSED, None, "paused_by_hand"
    row.paused_at = row.updated_at = at


def _bear_tags(story: Story) -> None:
    latest = max((each.received_at for each in story.events), default=story.company.now)
    story.person.tags_version = len(story.tags)
    story.rows.tags += [
        SubscriberTag(
            id=story.rows.ids.at(latest),
            workspace=story.company.workspace,
            subscriber=story.person,
            tag_id=tag_id,
            created_at=latest,
        )
        for tag_id in story.tags
    ]
