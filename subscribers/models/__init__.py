"""The tables of people, consent, mail and workspaces; they know no services."""

from subscribers.models.api_key import ApiKey
from subscribers.models.consent import (
    AskedAddress,
    AskedHour,
    Confirmation,
    ConsentRecord,
    Suppression,
)
from subscribers.models.idempotency import IdempotentRequest
from subscribers.models.import_run import ImportBlock, ImportPart, ImportReject, ImportRun
from subscribers.models.installation import Installation
from subscribers.models.leased_window import LeasedWindow
from subscribers.models.list import List, ListMembership
from subscribers.models.mail_activity import MailActivity
from subscribers.models.mail_flow import MailFlow
from subscribers.models.outcome_count import OutcomeCount
from subscribers.models.outgoing_email import OutgoingEmail
from subscribers.models.segment import Segment
from subscribers.models.subscriber import Subscriber
from subscribers.models.tag import SubscriberTag, Tag
from subscribers.models.workspace import Workspace

__all__ = [
    "ApiKey", "AskedAddress", "AskedHour", "Confirmation", "ConsentRecord", "IdempotentRequest",
    "ImportBlock", "ImportPart", "ImportReject", "ImportRun", "Installation", "LeasedWindow",
    "List", "ListMembership", "MailActivity", "MailFlow", "OutcomeCount", "OutgoingEmail",
    "Segment", "Subscriber", "SubscriberTag", "Suppression", "Tag", "Workspace",
]  # fmt: skip
