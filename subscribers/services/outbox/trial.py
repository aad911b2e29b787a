"""A test email for an operator: the same switches and transport as every other email. Nothing is
stored, and it counts for no rate or cap.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from subscribers.ids import new_id
from subscribers.models import Workspace
from subscribers.services.outbox import brakes, return_path
from subscribers.services.outbox.brakes import Verdict
from subscribers.services.outbox.delivery import Delivery, Mailer, Message
from subscribers.templating import mail as rendering
from subscribers.templating.mail import RenderedMail
from subscribers.wire import addresses


class NoSender(ValueError):
    """The workspace has no sender address."""

    code = "VALIDATION_ERROR"


@dataclass(frozen=True, slots=True)
class Trial:
    """The switches' verdict, and the delivery unless it was not sent."""

    verdict: Verdict
    delivery: Delivery | None = None


def send(*, workspace: Workspace, recipient: str, now: datetime) -> Trial:
    """Send a test email outside transactions. Raises `NoSender` and `addresses.InvalidAddress`."""
    mail = RenderedMail(
        subject=f"Test mail from {workspace.name}",
        preview_text="",
        html="",
        text=f"This test mail of Cueline was sent at {now:%Y-%m-%d %H:%M:%S %Z}.\n",
    )
    return send_rendered(workspace=workspace, recipient=recipient, mail=mail)


def send_rendered(
    *,
    workspace: Workspace,
    recipient: str,
    mail: RenderedMail,
    sender: str = "",
    reply_to: str = "",
) -> Trial:
    """Send a rendered email; otherwise as `send`. A `sender` is a whole From header."""
    to = addresses.parse(recipient).text
    if not (sender or workspace.from_email):
        raise NoSender(
            f"The workspace {workspace.slug} has no address that mail comes from: "
            "set it on its page in the admin."
        )
    verdict = brakes.verdict(workspace=workspace, recipient=to, is_test=False)
    if not verdict.is_allowed:
        return Trial(verdict)
    sender = sender or rendering.address_header(workspace.from_name, workspace.from_email)
    domain = addresses.parse(parseaddr(sender)[1]).key.rpartition("@")[2]
    email_id = new_id()
    message = Message(
        message_id=f"<{email_id.hex}@{domain}>",
        sender=sender,
        return_path=return_path.address_of(email_id=email_id, workspace=workspace),
        reply_to=reply_to,
        recipient=to,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        headers={"Auto-Submitted": "auto-generated", "X-Cueline-Test": "yes"},
    )
    with Mailer() as mailer:
        return Trial(verdict, mailer.send(message))
