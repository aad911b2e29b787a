"""The first things to do in a workspace, and which of them are done."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Q

from events.models import Event, Sequence
from subscribers.models import ApiKey, Workspace

# Django's own backends keep mails in a folder or show them in the terminal.
_SEND_NOTHING = "django.core.mail.backends."


@dataclass(frozen=True, slots=True)
class FirstSteps:
    has_key: bool
    has_event: bool
    has_sequence: bool
    has_mail_server: bool

    @property
    def are_done(self) -> bool:
        """A mail server may stay away for good: a developer's mails are kept in a folder."""
        return self.has_key and self.has_event and self.has_sequence


def read(*, workspace_id: UUID | None) -> FirstSteps:
    """Return what is done in a workspace, or in any; one query."""
    of = Q(workspace=workspace_id) if workspace_id else Q()
    found = Workspace.objects.filter(pk=workspace_id) if workspace_id else Workspace.objects.all()
    has = found.values_list(
        Exists(ApiKey.objects.filter(of, revoked_at=None)),
        Exists(Event.objects.filter(of)),
        Exists(Sequence.objects.filter(of)),
    ).first()
    key, event, sequence = has or (False, False, False)
    return FirstSteps(key, event, sequence, has_mail_server())


def has_mail_server() -> bool:
    """Tell whether mail leaves this machine at all."""
    return not settings.EMAIL_BACKEND.startswith(_SEND_NOTHING)
