"""Versions of sequences with their steps, cached per process: a version never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec

from events.language import steps
from events.language.timing import SendingWindow
from events.models import Enrollment, SequenceVersion

VERSIONS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class PlacedStep:
    row_id: UUID
    position: int
    step: steps.Step

    @property
    def lane(self) -> Enrollment.Lane:
        lanes = Enrollment.Lane
        return lanes.TRANSACTIONAL if self.step.is_urgent else lanes.MARKETING


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    id: UUID
    sequence_id: UUID
    steps: tuple[PlacedStep, ...]
    place_of_row: Mapping[UUID, int]
    place_of_key: Mapping[str, int]
    sending_window: SendingWindow | None
    mail_list: str
    from_email: str
    from_name: str
    reply_to: str

    def at(self, row_id: UUID | None) -> PlacedStep | None:
        return None if row_id is None else self.steps[self.place_of_row[row_id]]

    def after(self, placed: PlacedStep) -> PlacedStep | None:
        """Return the step that follows, or None at the end."""
        if placed.step.next:
            return self.jump(placed.step.next)
        place = placed.position + 1
        return self.steps[place] if place < len(self.steps) else None

    def jump(self, key: str) -> PlacedStep | None:
        place = self.place_of_key.get(key)
        return None if place is None else self.steps[place]


@lru_cache(maxsize=VERSIONS_KEPT)
def load(version_id: UUID) -> LoadedVersion:
    """Return a version; two queries the first time."""
    version = SequenceVersion.objects.get(pk=version_id)
    rows = list(version.steps.order_by("position").values_list("pk", "key", "config"))
    placed = tuple(
        PlacedStep(row_id=row_id, position=place, step=steps.from_stored(config))
        for place, (row_id, _, config) in enumerate(rows)
    )
    return LoadedVersion(
        id=version_id,
        sequence_id=version.sequence_id,
        steps=placed,
        place_of_row={each.row_id: each.position for each in placed},
        place_of_key={key: place for place, (_, key, _) in enumerate(rows)},
        sending_window=msgspec.convert(version.sending_window, SendingWindow | None),
        mail_list=version.mail_list,
        from_email=version.from_email,
        from_name=version.from_name,
        reply_to=version.reply_to,
    )
