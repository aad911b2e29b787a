"""Whether a person can be mailed now, asked of the code that decides when a mail is sent."""

from dataclasses import dataclass
from datetime import datetime

from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent import suppressions
from subscribers.services.outbox import brakes, cap, flow, outbox
from subscribers.services.workspaces import installation

Kind = OutgoingEmail.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability:
    """Words of reasons, empty where there is none.

    `marketing` and `transactional`: why such a mail is skipped. `held`: why every mail waits.
    `capped_until`: when marketing mail that is due may leave. `stop`: why the server takes none.
    """

    marketing: str
    transactional: str
    held: str
    capped_until: datetime | None
    stop: flow.Stop | None
    # Since when a restored copy carries nothing out.
    on_hold_since: datetime | None


def of_person(*, subscriber: Subscriber, now: datetime) -> Reachability:
    """Return what would become of a mail to the person now; takes no lock.

    The order is that of the fence of a mail: what skips it, before what holds it.
    """
    workspace = subscriber.workspace
    suppressed = suppressions.reason_to_skip(workspace=workspace, recipient=subscriber.email)
    verdict = brakes.verdict(workspace=workspace, recipient=subscriber.email, is_test=False)
    never = suppressed or (verdict.reason if verdict.is_skip else "")
    stops = flow.stops(now=now, workspace_id=workspace.pk)
    return Reachability(
        marketing=outbox.reason_to_skip(subscriber=subscriber, kind=Kind.MARKETING) or never,
        transactional=outbox.reason_to_skip(subscriber=subscriber, kind=Kind.TRANSACTIONAL)
        or never,
        held=verdict.reason if verdict.is_hold else "",
        capped_until=cap.capped_until(
            workspace=workspace, subscriber=subscriber, kind=Kind.MARKETING, now=now
        ),
        stop=stops[0] if stops else None,
        on_hold_since=installation.on_hold_since(),
    )
