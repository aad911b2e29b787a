"""Simulates a sequence for one person, with dates, decisions and mails: nothing is written.

It walks and renders with the engine's code. What the engine would do to people, mail servers and
webhooks is done in memory, or only reported.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as dataclass_replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from msgspec.structs import replace

from events.decisions.watched import Watched, WatchedSequence
from events.language.steps import WaitForEventStep
from events.models import Enrollment, Sequence
from events.services.configuration import watched_sequences
from events.services.engine import loaded_versions
from events.services.engine.claimed import Shared
from events.services.engine.loaded_versions import LoadedVersion
from events.services.sequences import sequences
from events.services.sequences.sequences import Readiness
from events.services.simulation import entries, people
from events.services.simulation.entries import AssumedEvent, Entry
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from events.services.simulation.paths import MOST_VISITS, Awaited, Path, follow
from events.services.simulation.people import Someone
from subscribers.ids import encode
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.audience import lists
from subscribers.wire.addresses import Address

MARKETING = OutgoingEmail.Kind.MARKETING


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What would happen; the path is there even for a person who would not enter."""

    sequence: Sequence
    readiness: Readiness
    someone: Someone
    entry: Entry
    begins_at: datetime
    path: Path
    # Assumptions, a sentence each.
    notes: tuple[str, ...]


def simulate(
    *,
    sequence: Sequence,
    address: Address,
    now: datetime,
    happening: AssumedEvent | None = None,
    awaited: Awaited = Awaited.TIMEOUT,
    most_visits: int = MOST_VISITS,
    is_as_if_active: bool = False,
) -> Simulation:
    """Return the path of the person with the address, known or not, who enters at `now`.

    `happening` is the starting event; without one, the trigger is met, with no properties. An
    awaited event is taken from the recorded ones, else it arrives at once or never, as `awaited`
    says. Reads only: no row is locked or written, no mail sent, no webhook called. With a `now` in
    the past, later recorded events are seen in their time, but tags, lists and attributes as they
    are today. `is_as_if_active`: people enter a draft or a paused sequence as if it were active.
    """
    workspace = sequence.workspace
    someone = people.find_or_imagine(workspace=workspace, address=address, now=now)
    watched = watched_sequences.read(workspace_id=workspace.pk)
    if is_as_if_active:
        watched = as_if_active(watched, sequence.pk)
    entry = entries.judge(sequence=sequence, someone=someone, watched=watched, happening=happening)
    version, path = None, Path((), None)
    if sequence.current_version_id:
        version = loaded_versions.load(sequence.current_version_id)
        enrollment = _begin(sequence, version, someone, entry, now)
        path = follow(
            enrollment=enrollment, watched=watched, awaited=awaited, most_visits=most_visits
        )
    return Simulation(
        sequence=sequence,
        readiness=sequences.readiness(sequence),
        someone=someone,
        entry=entry,
        begins_at=now,
        path=path,
        notes=tuple(_notes(sequence, someone, version, path, awaited)),
    )


def as_if_active(watched: Watched, sequence_id: UUID) -> Watched:
    """Return what is watched for, as if one sequence were active and its entry open."""
    found = watched.sequences[sequence_id]
    is_active = found.first_step_id is not None
    active = replace(found, is_active=is_active, is_enrollment_paused=False)

    def swapped(rows: Iterable[WatchedSequence]) -> list[WatchedSequence]:
        return [active if each.id == sequence_id else each for each in rows]

    return replace(
        watched,
        sequences={**watched.sequences, sequence_id: active},
        starts={key: swapped(rows) for key, rows in watched.starts.items()},
        starts_by_creation=swapped(watched.starts_by_creation),
    )


def imagined(
    sequence: Sequence, version: LoadedVersion, someone: Someone, entry: Entry, now: datetime
) -> ImaginedEnrollment:
    """Return an enrollment at the first step that begins now."""
    person, started_by = someone.subscriber, entry.event
    first = version.steps[0] if version.steps else None
    row = Enrollment(
        workspace=sequence.workspace,
        sequence=sequence,
        version_id=version.id,
        subscriber=person,
        status=Enrollment.Status.ACTIVE,
        entry_slot=entry.slot,
        started_by_id=started_by.id if started_by else None,
        step_id=first.row_id if first else None,
        step_since=now,
        entered_at=now,
        updated_at=now,
    )
    return ImaginedEnrollment(
        row=row,
        version=version,
        subscriber=person,
        workspace=sequence.workspace,
        shared=Shared(
            subscriber_ids=(),
            event_ids=(),
            _tags={person.pk: set(entry.tags.values())},
            _lists={person.pk: {encode("lst", list_id) for list_id in entry.list_ids}},
        ),
        now=now,
        started_by=started_by,
    )


def _begin(
    sequence: Sequence, version: LoadedVersion, someone: Someone, entry: Entry, now: datetime
) -> ImaginedEnrollment:
    """Return the enrollment of a person who has confirmed, if the sequence waits for that."""
    person = someone.subscriber
    if person.status == Subscriber.Status.PENDING and not sequence.runs_while_pending:
        person.status = Subscriber.Status.ACTIVE
        joined = lists.default_ids(workspace_id=sequence.workspace_id)
        entry = dataclass_replace(entry, list_ids=entry.list_ids.union(joined))
    return imagined(sequence, version, someone, entry, now)


def _notes(
    sequence: Sequence,
    someone: Someone,
    version: LoadedVersion | None,
    path: Path,
    awaited: Awaited,
) -> list[str]:
    notes, workspace = [], sequence.workspace
    if not someone.is_known:
        notes.append("Nobody has this address: a new person without a name or attributes.")
    if someone.is_pending and not sequence.runs_while_pending:
        notes.append("The person has to confirm their address first: assumed to happen at once.")
    waits = any(isinstance(visit.placed.step, WaitForEventStep) for visit in path.visits)
    if waits and awaited is Awaited.EVENT:
        notes.append("Awaited events that were not recorded are assumed to arrive at once.")
    mails = [visit.mail for visit in path.visits if visit.mail]
    if mails and (settings.MAIL_PAUSED or workspace.is_mail_paused):
        notes.append("Mail is paused: it would wait until mail is resumed.")
    if workspace.mail_cap and any(mail.kind == MARKETING for mail in mails):
        notes.append(
            f"At most {workspace.mail_cap} marketing mails go to one person in "
            f"{workspace.mail_cap_hours} hours; delays by that cap are not shown here."
        )
    if version is None or not version.steps:
        notes.append("There are no steps to walk through.")
    return notes
