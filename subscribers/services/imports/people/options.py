"""The options of a subscriber import."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from subscribers.models import Workspace
from subscribers.services.consent.ledger import BY_IMPORT, Circumstances


class Duplicates(StrEnum):
    """What a row about a known subscriber does."""

    SKIP = "skip"
    # Fills what is empty.
    MERGE = "merge"
    # What the row says counts.
    OVERWRITE = "overwrite"


class OptInMode(StrEnum):
    """Whether a new subscriber has agreed to get mail."""

    # By the workspace's setting and the row's own consent.
    DEFAULT = "default"
    # The operator says so.
    CONFIRMED = "confirmed"
    # They get a confirmation email, whatever the workspace's setting.
    DOUBLE_OPT_IN = "double_opt_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How rows are read and what they may do.

    `circumstances` and `source` are for the ledger: the operator or the key, and the way.
    """

    workspace: Workspace
    circumstances: Circumstances
    source: str = BY_IMPORT
    attributes_bytes: int
    # How far ahead of our clock a time may be.
    furthest_ahead: timedelta
    duplicates: Duplicates = Duplicates.SKIP
    opt_in_mode: OptInMode = OptInMode.DEFAULT
    # Whether rows that say somebody known left change nothing; else they count with every strategy.
    keeps_status: bool = False
    creates_lists: bool = False
    starts_sequences: bool = False
    # Given attributes count, as with events, also where a known subscriber's texts stay.
    merges_attributes: bool = False
    # By a test key: nobody gets mail.
    is_test: bool = False
    # What to do about a list that is not there, after "which the workspace does not have".
    advice_for_lists: str = "; --create-lists makes such lists."

    @property
    def skips_known(self) -> bool:
        """Whether rows change nothing of known people, unless they say that somebody left."""
        return self.duplicates == Duplicates.SKIP

    @property
    def asks_people(self) -> bool:
        """Whether new subscribers may get a confirmation email."""
        if self.opt_in_mode == OptInMode.DEFAULT:
            return self.workspace.double_opt_in
        return self.opt_in_mode == OptInMode.DOUBLE_OPT_IN
