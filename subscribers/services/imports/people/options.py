"""What an import of subscribers was asked for."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from subscribers.models import Workspace
from subscribers.services.consent.ledger import Circumstances


class Duplicates(StrEnum):
    """What becomes of a row about somebody who is known."""

    SKIP = "skip"
    # Fills what is empty.
    MERGE = "merge"
    # What the row says counts.
    OVERWRITE = "overwrite"


class OptInMode(StrEnum):
    """Whether somebody new has agreed to get mail."""

    # As the workspace has it, and as the row's own consent says.
    DEFAULT = "default"
    # The operator says so.
    CONFIRMED = "confirmed"
    # They are asked, whatever the workspace has.
    DOUBLE_OPT_IN = "double_opt_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How rows are read and what they may do; `actor` is who runs the import, for the ledger."""

    workspace: Workspace
    actor: str
    attributes_bytes: int
    # How far ahead of our clock a time may be.
    furthest_ahead: timedelta
    duplicates: Duplicates = Duplicates.SKIP
    opt_in_mode: OptInMode = OptInMode.DEFAULT
    creates_lists: bool = False

    @property
    def asks_people(self) -> bool:
        """Whether new people may be asked to confirm."""
        if self.opt_in_mode == OptInMode.DEFAULT:
            return self.workspace.double_opt_in
        return self.opt_in_mode == OptInMode.DOUBLE_OPT_IN

    @property
    def circumstances(self) -> Circumstances:
        """Of what the import does by itself."""
        return Circumstances(actor=self.actor)
