"""`/sequences`: read with their steps as nodes and edges, switched on and off, copied."""

from collections.abc import Iterable, Iterator
from typing import Annotated
from uuid import UUID

import msgspec
from django.db.models import Q

from events.api.sequence_shapes import (
    CopiedAnswer,
    OffsetPages,
    SequenceAnswer,
    SequencesAnswer,
    SequenceShape,
    SimulationAnswer,
    SwitchedAnswer,
    WholeSequenceAnswer,
    summary,
    whole,
)
from events.models import Sequence
from events.services.sequences import duplicating, references, sequences
from events.services.simulation import simulate
from events.services.simulation.wire import as_wire as simulation_as_wire
from subscribers import ids
from subscribers.api.calls import (
    ResourceView,
    id_in_path,
    no_such_row,
    reads,
    writes,
)  # fmt: skip
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.values import TextWord, one_of, whole_number_word
from subscribers.models import Subscriber
from subscribers.models.api_key import Scope
from subscribers.wire.addresses import Address
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, read_email, read_name

MOST = 100
DEEPEST = 10_000
MOST_SIMULATED = 25
Status = Sequence.Status
SequenceOfPath = Annotated[UUID, id_in_path("seq")]
CopyName = Annotated[
    str,
    Reads(lambda value: read_name(value, longest=200), {"type": "string", "maxLength": 200}),
]


@inputs
class SequencesQuery(Inputs):
    """Without limit and offset every sequence is answered."""

    status: Annotated[str, one_of(*Status.values)] | None = None
    search: TextWord | None = None
    label: TextWord | None = None
    # With commas between them: any of them.
    labels: TextWord | None = None
    limit: Annotated[int, whole_number_word(1, MOST)] | None = None
    offset: Annotated[int, whole_number_word(0, DEEPEST)] | None = None


@inputs
class SimulateQuery(Inputs):
    email: TextWord | None = None
    subscriber_id: TextWord | None = None
    limit: Annotated[int, whole_number_word(1, MOST_SIMULATED)] = MOST_SIMULATED

    def find_faults(self) -> Iterator[Fault]:
        if (self.email is None) == (self.subscriber_id is None):
            yield Fault("email", "or subscriberId is needed, and not both.")


@inputs
class Copy(Inputs):
    name: CopyName | None = None


class OneSequence(ResourceView):
    """A path of one sequence."""

    def found(self, sequence_id: UUID) -> Sequence:
        rows = Sequence.objects.select_related("workspace", "current_version")
        row = rows.filter(workspace=self.workspace, pk=sequence_id).first()
        if row is None:
            return no_such_row()
        self.about = row.public_id
        return row

    @property
    def may_edit(self) -> bool:
        """Whether the key's holder may see what is secret to readers."""
        return self.api_key.allows(Scope.SEQUENCES_WRITE)


class SequencesView(ResourceView):
    not_here = frozenset({"POST"})

    @reads("Sequences, by name", scope=Scope.SEQUENCES_READ)
    def get(self, asked: SequencesQuery) -> SequencesAnswer:
        rows = Sequence.objects.filter(workspace=self.workspace)
        if asked.status is not None:
            rows = rows.filter(status=asked.status)
        if asked.search is not None:
            rows = rows.filter(Q(name__icontains=asked.search) | Q(key__icontains=asked.search))
        wanted = {each.strip() for each in (asked.labels or "").split(",") if each.strip()}
        wanted |= {asked.label} if asked.label else set()
        # Labels are JSON, which the two databases search differently; a workspace has few rows.
        chosen = [
            row
            for row in rows.select_related("current_version").order_by("name", "id")
            if not wanted or wanted & set(row.labels)
        ]
        offset = asked.offset or 0
        everything = asked.limit is None and asked.offset is None
        limit = len(chosen) if everything else asked.limit or MOST
        shown = chosen[offset : offset + limit]
        return SequencesAnswer(
            sequences=[SequenceShape(**summary(row)) for row in shown],
            pagination=OffsetPages(
                count=len(shown),
                total=len(chosen),
                limit=limit,
                offset=offset,
                has_more=offset + len(shown) < len(chosen),
            ),
        )


class SequenceView(OneSequence):
    not_here = frozenset({"PUT", "DELETE"})

    @reads("A sequence with its steps", scope=Scope.SEQUENCES_READ)
    def get(self, *, sequence_id: SequenceOfPath) -> WholeSequenceAnswer:
        row = self.found(sequence_id)
        spec = references.with_list_names(workspace=self.workspace, spec=sequences.spec_of(row))
        return WholeSequenceAnswer(sequence=whole(row, spec, may_edit=self.may_edit))


class EnableView(OneSequence):
    @writes("Activate a sequence that is ready", scope=Scope.SEQUENCES_ACTIVATE)
    def post(self, *, sequence_id: SequenceOfPath) -> SwitchedAnswer:
        row = self.found(sequence_id)
        sequences.activate(sequence=row, now=self.now)
        return _switched(row, "It is active.", sequences.readiness(row).warnings)


class DisableView(OneSequence):
    @writes("Pause a sequence: nobody enters, everybody waits", scope=Scope.SEQUENCES_ACTIVATE)
    def post(self, *, sequence_id: SequenceOfPath) -> SwitchedAnswer:
        row = self.found(sequence_id)
        sequences.pause(sequence=row, now=self.now, reason="paused by the API")
        return _switched(row, "It is paused: everybody in it waits.")


class CloseEntryView(OneSequence):
    @writes("Close the entry: nobody enters, people in it go on", scope=Scope.SEQUENCES_ACTIVATE)
    def post(self, *, sequence_id: SequenceOfPath) -> SwitchedAnswer:
        row = self.found(sequence_id)
        sequences.set_enrollment_paused(sequence=row, is_paused=True, now=self.now)
        return _switched(row, "It lets nobody in.")


class OpenEntryView(OneSequence):
    @writes("Let people in again", scope=Scope.SEQUENCES_ACTIVATE)
    def post(self, *, sequence_id: SequenceOfPath) -> SwitchedAnswer:
        row = self.found(sequence_id)
        sequences.set_enrollment_paused(sequence=row, is_paused=False, now=self.now)
        return _switched(row, "It lets people in, while it is active.")


class ArchiveView(OneSequence):
    @writes("Archive a sequence", scope=Scope.SEQUENCES_WRITE)
    def post(self, *, sequence_id: SequenceOfPath) -> SequenceAnswer:
        row = self.found(sequence_id)
        sequences.archive(sequence=row, now=self.now)
        return SequenceAnswer(sequence=SequenceShape(**summary(row)))


class UnarchiveView(OneSequence):
    @writes("Bring an archived sequence back as a draft", scope=Scope.SEQUENCES_WRITE)
    def post(self, *, sequence_id: SequenceOfPath) -> SequenceAnswer:
        row = self.found(sequence_id)
        sequences.unarchive(sequence=row, now=self.now)
        return SequenceAnswer(sequence=SequenceShape(**summary(row)))


class DuplicateView(OneSequence):
    @writes("Copy a sequence as a draft", scope=Scope.SEQUENCES_WRITE, example={"name": "Trial"})
    def post(self, given: Copy, *, sequence_id: SequenceOfPath) -> CopiedAnswer:
        made = duplicating.duplicate(
            sequence=self.found(sequence_id), now=self.now, name=given.name or ""
        )
        made = self.found(made.pk)
        spec = references.with_list_names(workspace=self.workspace, spec=sequences.spec_of(made))
        read = whole(made, spec, may_edit=True)
        return CopiedAnswer(
            sequence=SequenceShape(**summary(made)), nodes=read.nodes, edges=read.edges
        )


class SimulateView(OneSequence):
    @reads("What a sequence would do for one person", scope=Scope.SEQUENCES_READ)
    def get(self, asked: SimulateQuery, *, sequence_id: SequenceOfPath) -> SimulationAnswer:
        row = self.found(sequence_id)
        simulation = simulate(
            sequence=row, address=self._address(asked), now=self.now, most_visits=asked.limit
        )
        said = simulation_as_wire(simulation, may_edit=self.may_edit)
        return msgspec.convert(said, SimulationAnswer)

    def _address(self, asked: SimulateQuery) -> Address:
        if asked.email is not None:
            try:
                return read_email(asked.email)
            except InvalidField as error:
                raise InvalidRequest(Fault("email", str(error))) from error
        row_id = ids.decode("sub", asked.subscriber_id or "") or no_such_row()
        person = Subscriber.objects.in_workspace(self.workspace).filter(pk=row_id).first()
        if person is None:
            return no_such_row()
        return Address(text=person.email, key=person.email_key)


def _switched(row: Sequence, message: str, warnings: Iterable[str] = ()) -> SwitchedAnswer:
    said = summary(row)
    return SwitchedAnswer(
        sequence_id=row.public_id,
        status=row.status,
        effective_status=said["effective_status"],
        effective_status_summary=said["effective_status_summary"],
        enrollment_paused=row.is_enrollment_paused,
        accepts_new_enrollments=said["accepts_new_enrollments"],
        processes_existing_enrollments=said["processes_existing_enrollments"],
        message=message,
        warnings=list(warnings),
    )
