"""`/subscribers/{…}/timeline`: everything that happened to a person, newest first."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from events.language.steps.node_types import NODE_TYPES
from events.services.people.timeline import reading
from events.services.people.timeline.sources import LineKind, Show, TimelineEntry
from events.wording import enrollments
from events.wording.steps import row_in_words
from subscribers import ids
from subscribers.api.calls import Answered, Shape, reads
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.subscriber_shapes import nobody
from subscribers.api.subscribers import NamedPerson, Who
from subscribers.api.values import SubscriberId, TextWord, one_of
from subscribers.models import Subscriber
from subscribers.models.api_key import Scope
from subscribers.wire import link_tokens

# What operators did is theirs: the admin shows it.
HIDDEN = LineKind.LOG


@inputs
class TimelineQuery(Inputs):
    """`show`: all, or one kind of lines. `cursor`: `nextCursor` of the page before."""

    show: Annotated[str, one_of(*Show)] = Show.ALL
    cursor: TextWord | None = None


class LineShape(Shape, kw_only=True):
    """`id` is that of the event, mail, enrollment, tag or list; `text` says it in short."""

    kind: str
    at: datetime
    id: str | None
    text: str
    details: dict[str, Any]


class TimelineAnswer(Answered, kw_only=True):
    """`nextCursor` is null at the end."""

    subscriber_id: SubscriberId
    timeline: list[LineShape]
    next_cursor: str | None


class TimelineView(NamedPerson):
    @reads("Everything that happened to a person, newest first", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: TimelineQuery, *, who: Who) -> TimelineAnswer:
        people = Subscriber.objects.in_workspace(self.workspace).select_related("workspace")
        person = people.filter(**who).first()
        if person is None:
            raise nobody()
        page = reading.read(
            person=person, show=Show(asked.show), after=asked.cursor or "", sees=lambda _: True
        )
        return TimelineAnswer(
            subscriber_id=person.public_id,
            timeline=[_line(each) for each in page.entries if each.kind is not HIDDEN],
            next_cursor=page.older or None,
        )


def _line(entry: TimelineEntry) -> LineShape:
    row_id, text, details = _SAID[entry.kind](entry.row)
    return LineShape(kind=entry.kind, at=entry.at, id=row_id, text=text, details=details)


Said = tuple[str | None, str, dict[str, Any]]


def _event(row: Any) -> Said:  # noqa: ANN401 - a row of its kind, as below
    details = {"historical": row.is_historical, "properties": row.properties}
    return row.public_id, row.definition.name, details


def _consent(row: Any) -> Said:  # noqa: ANN401
    details = {"method": row.method, "reason": row.reason, "list": row.list_name}
    return None, row.get_kind_display(), {k: v for k, v in details.items() if v}


def _entered(row: Any) -> Said:  # noqa: ANN401
    how = enrollments.entry_in_words(row)
    return row.public_id, row.sequence.name, {"sequenceId": row.sequence.public_id, "by": how}


def _ended(row: Any) -> Said:  # noqa: ANN401
    details = {"sequenceId": row.sequence.public_id, "status": row.status, "reason": row.reason}
    return row.public_id, row.sequence.name, details


def _step(row: Any) -> Said:  # noqa: ANN401
    details = {"nodeId": row.step.key, "nodeType": NODE_TYPES[row.step.kind], "status": row.status}
    return row.enrollment.public_id, row_in_words(row.step), details


def _mail(row: Any) -> Said:  # noqa: ANN401
    details = {"status": row.status, "emailType": row.kind, "reason": row.reason}
    return row.public_id, link_tokens.hidden(row.subject), details


def _activity(row: Any) -> Said:  # noqa: ANN401
    details = {"quality": row.quality, "url": row.url, "bounceType": row.bounce_type}
    given = {name: value for name, value in details.items() if value}
    return ids.encode("eml", row.email_id), row.get_kind_display(), given


_SAID: Mapping[LineKind, Callable[[Any], Said]] = {
    LineKind.ADDED: lambda row: (row.public_id, "Added", {}),
    LineKind.EVENT: _event,
    LineKind.CONSENT: _consent,
    LineKind.TAG: lambda row: (ids.encode("tag", row.tag_id), row.tag.name, {}),
    LineKind.JOINED: lambda row: (ids.encode("lst", row.list_id), row.list.name, {}),
    LineKind.LEFT: lambda row: (ids.encode("lst", row.list_id), row.list.name, {}),
    LineKind.ENTERED: _entered,
    LineKind.ENDED: _ended,
    LineKind.STEP: _step,
    LineKind.MAIL: _mail,
    LineKind.ACTIVITY: _activity,
}
