"""The one way in which the audience tells upwards what happened to people, tags, lists and mails.

Whoever sits above installs its `Reactions` when the process starts, exactly one. Every call is made
inside the transaction of the change, under the locks of the subscribers that it names, and
with the rows as they are after the change. Ids come in batches, all of one workspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What of one person's history became another's, in numbers of rows."""

    events: int
    # Events that the other has, too, by name and event id: dropped.
    duplicates: int
    enrollments: int
    # Enrollments, of those, that ended since the other is or was in the sequence.
    cancelled: int


class Reactions(Protocol):
    """What follows from changes of the audience; each call is idempotent."""

    def confirmed(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People who were pending are active now."""

    def gave_up(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People who are pending did not confirm in time; they may be asked again."""

    def left(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People unsubscribed."""

    def suppressed(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People get no mail at all any more: they bounced, complained or were put on the list."""

    def tags_added(
        self,
        *,
        subscriber_ids: Sequence[UUID],
        tag_ids: Sequence[UUID],
        now: datetime,
        depth: int = 0,
        is_test: bool = False,
    ) -> None:
        """Each of the people bears each of the tags now and did not before.

        `depth` counts the steps that led here, one after the other: 0 for an API call or a hand,
        the enrollment's depth + 1 for a step. `is_test`: a test key, or an enrollment that one
        began, led here.
        """

    def list_joined(
        self,
        *,
        subscriber_ids: Sequence[UUID],
        list_ids: Sequence[UUID],
        now: datetime,
        depth: int = 0,
        is_test: bool = False,
    ) -> None:
        """Each of the people is on each of the lists now and was not before; the rest as above."""

    def email_settled(self, *, email_ids: Sequence[UUID], now: datetime) -> None:
        """Mails of which nobody knew whether they had left are known to have been sent."""

    def erasing(self, *, subscriber_ids: Sequence[UUID]) -> int:
        """People are about to be deleted, with all that names them; returns how many events."""

    def erasing_some(self, *, subscriber_id: UUID) -> int:
        """Somebody is going to be erased: deletes a bounded part of what they did.

        Called in one short transaction after another. Returns how many events went; 0: what is
        left is little.
        """

    def merging(self, *, kept_id: UUID, gone_id: UUID, is_held: bool, now: datetime) -> Moved:
        """Somebody's row is about to be deleted: what they did becomes what somebody else did.

        `is_held`: who stays has not confirmed, so what is under way waits until they do. Every
        other report that the merge is the reason of comes after this one.
        """


class NotInstalled(RuntimeError):
    """Nobody reacts: what the audience reports would be lost."""

    code = "INTERNAL"


_installed: list[Reactions] = []


def install(reactions: Reactions) -> None:
    """Make this the one that hears of changes; raises `RuntimeError` when there is one."""
    if _installed:
        raise RuntimeError("Reactions are installed already.")
    _installed.append(reactions)


def current() -> Reactions:
    """Return the one that hears of changes; raises `NotInstalled`."""
    if not _installed:
        raise NotInstalled("No reactions are installed; nothing would follow from changes.")
    return _installed[0]


def is_installed() -> bool:
    """Tell whether somebody hears of changes."""
    return bool(_installed)
