"""The audience's pages in the admin; the same noun names the file in every layer."""

from subscribers.admin.api_key import ApiKeyAdmin
from subscribers.admin.list import ListAdmin
from subscribers.admin.outgoing_email import OutgoingEmailAdmin
from subscribers.admin.subscriber import SubscriberAdmin
from subscribers.admin.tag import TagAdmin
from subscribers.admin.workspace import WorkspaceAdmin

__all__ = [
    "ApiKeyAdmin",
    "ListAdmin",
    "OutgoingEmailAdmin",
    "SubscriberAdmin",
    "TagAdmin",
    "WorkspaceAdmin",
]
