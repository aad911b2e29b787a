"""Whether a person can be mailed now, asked of the code that decides when a mail is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from subscribers.models import OutgoingEmail, Subscriber, Suppression
from subscribers.services.consent import suppressions
from subscribers.services.outbox import brakes, cap, flow, outbox
from subscribers.services.workspaces import installation

Kind = OutgoingEmail.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability:
    """What lies between a mail and the person; empty or None: nothing does.

    `switch` holds or skips every mail, `stops` say why the server takes none, `capped_until` when
    marketing mail that is due may leave.
    """

    # By kind of mail, the word why a person of this status gets none.
    by_status: Mapping[str, str | None]
    suppression: Suppression | None
    switch: brakes.Verdict
    stops: Sequence[flow.Stop]
    capped_until: datetime | None
    # Since when a restored copy carries nothing out.
    on_hold_since: datetime | None

    def skipped(self, kind: str) -> str:
        """Return the word why such a mail is skipped now, in the order of the fence of a mail."""
        suppressed = suppressions.SUPPRESSED if self.suppression else ""
        return (
            self.by_status[kind]
            or suppressed
            or (self.switch.reason if self.switch.is_skip else "")
        )

    @property
    def held(self) -> str:
        """Return the word why every mail waits."""
        return self.switch.reason if self.switch.is_hold else ""


def of_person(*, subscriber: Subscriber, now: datetime) -> Reachability:
    """Return what would become of a mail to the person now; takes no lock."""
    workspace = subscriber.workspace
    kinds = (Kind.MARKETING, Kind.TRANSACTIONAL)
    return Reachability(
        by_status={kind: outbox.reason_to_skip(subscriber=subscriber, kind=kind) for kind in kinds},
        suppression=suppressions.find(workspace=workspace, email_key=subscriber.email_key),
        switch=brakes.verdict(workspace=workspace, recipient=subscriber.email, is_test=False),
        stops=flow.stops(now=now, workspace_id=workspace.pk),
        capped_until=cap.capped_until(
            workspace=workspace, subscriber=subscriber, kind=Kind.MARKETING, now=now
        ),
        on_hold_since=installation.on_hold_since(),
    )
