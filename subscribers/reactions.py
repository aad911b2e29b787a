"""The one port through which `subscribers` reports changes to the app above.

That app installs its `Reactions` when the process starts, exactly one. Every call is made inside
the transaction of the change, under the locks of the subscribers that it names, and with the rows
as they are after the change. Ids come in batches, all of one workspace.
See .github/decisions/one-port-upwards.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How many rows of one person's history became another's."""

    events: int
    # Events that the other person has too, by name and event id: dropped.
    duplicates: int
    enrollments: int
    # Those of the enrollments that ended because the other person is or was in the sequence.
    cancelled: int


class Reactions(Protocol):
    """What follows from changes of subscribers; each call is idempotent."""

    def confirmed(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People who were pending are active now."""

    def gave_up(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People who are pending did not confirm in time; they may be asked again."""

    def left(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People unsubscribed."""

    def suppressed(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """People no longer get any mail: they bounced, complained or were suppressed."""

    def tags_added(
        self,
        *,
        subscriber_ids: Sequence[UUID],
        tag_ids: Sequence[UUID],
        now: datetime,
        depth: int = 0,
        is_test: bool = False,
        starts: bool = True,
    ) -> None:
        """Each of the people has each of the tags now and did not before.

        `depth` counts the steps that led here, one after the other: 0 for an API call or an
        operator, the enrollment's depth + 1 for a step. `is_test`: caused by a test key, or by an
        enrollment that one started. Without `starts` the tags only stop enrollments.
        """

    def list_joined(
        self,
        *,
        subscriber_ids: Sequence[UUID],
        list_ids: Sequence[UUID],
        now: datetime,
        depth: int = 0,
        is_test: bool = False,
        is_created: bool = False,
    ) -> None:
        """Each of the people is on each of the lists now and was not before; the rest as above.

        `is_created`: they are new, perhaps on no list at all.
        """

    def attributes_changed(
        self, *, subscriber_ids: Sequence[UUID], names: Collection[str], now: datetime
    ) -> None:
        """Attributes with these names changed, of some of the people at least."""

    def mails_waiting(self) -> int:
        """Return how many mails wait to be sent, counted to 10,001 each with and without an
        enrollment. A question, so in no transaction and under no lock.
        """

    def emails_changed(self, *, email_ids: Sequence[UUID]) -> None:
        """Mails that were settled have another status: known to be sent, or queued once more."""

    def erasing(self, *, subscriber_ids: Sequence[UUID]) -> int:
        """People are about to be deleted with all that names them; returns how many events."""

    def erasing_some(self, *, subscriber_id: UUID) -> int:
        """Delete a bounded part of the events of a person who will be erased.

        Called in one short transaction after another. Returns how many events were deleted; 0:
        little is left.
        """

    def merging(self, *, kept_id: UUID, gone_id: UUID, is_held: bool, now: datetime) -> Moved:
        """A row is about to be deleted: its history moves to the row that stays.

        `is_held`: the person who stays has not confirmed, so moved enrollments wait until they do.
        Every other report of the merge comes after this one.
        """


class NotInstalled(RuntimeError):
    """No reactions are installed: reports would be lost."""

    code = "INTERNAL"


_installed: list[Reactions] = []


def install(reactions: Reactions) -> None:
    """Install the reactions; raises `RuntimeError` when some are installed."""
    if _installed:
        raise RuntimeError("Reactions are installed already.")
    _installed.append(reactions)


def current() -> Reactions:
    """Return the installed reactions; raises `NotInstalled`."""
    if not _installed:
        raise NotInstalled("No reactions are installed; nothing would follow from changes.")
    return _installed[0]


def is_installed() -> bool:
    return bool(_installed)
