"""The admin's pages of people, lists, mail, consent and workspaces. They may know both apps."""

from subscribers.admin.api_key import ApiKeyAdmin
from subscribers.admin.consent import ConsentRecordAdmin
from subscribers.admin.import_run import ImportRunAdmin
from subscribers.admin.installation import InstallationAdmin
from subscribers.admin.list import ListAdmin
from subscribers.admin.mail_flow import MailFlowAdmin
from subscribers.admin.outgoing_email import OutgoingEmailAdmin
from subscribers.admin.subscriber import SubscriberAdmin
from subscribers.admin.suppression import SuppressionAdmin
from subscribers.admin.tag import TagAdmin
from subscribers.admin.workspace import WorkspaceAdmin

__all__ = [
    "ApiKeyAdmin", "ConsentRecordAdmin", "ImportRunAdmin", "InstallationAdmin", "ListAdmin",
    "MailFlowAdmin", "OutgoingEmailAdmin", "SubscriberAdmin", "SuppressionAdmin", "TagAdmin",
    "WorkspaceAdmin",
]  # fmt: skip
