"""The confirmation mail for an operator's eyes: made for nobody, and sent to themselves.

Its link leads to the page of links that are over; nothing is stored, and nobody is asked.
"""

from django.conf import settings

from subscribers.models import Subscriber, Workspace
from subscribers.services.consent import mail as confirmation_mail
from subscribers.services.outbox import trial
from subscribers.services.outbox.trial import Trial
from subscribers.templating.mail import RenderedMail

SAMPLE_ADDRESS = "ada@example.com"


def sample(*, workspace: Workspace, recipient: str = SAMPLE_ADDRESS) -> RenderedMail:
    """Return the mail for somebody of whom no more than an address is known.

    Raises `TemplateFault`, and `LinkMissing`, one of them.
    """
    somebody = Subscriber(workspace=workspace, email=recipient, email_key=recipient.lower())
    data = confirmation_mail.data_of(
        subscriber=somebody, workspace=workspace, url=f"{settings.PUBLIC_URL}/c/sample"
    )
    return confirmation_mail.render(templates=confirmation_mail.templates_of(workspace), data=data)


def send(*, workspace: Workspace, recipient: str) -> Trial:
    """Send it; no transaction may be open.

    Raises `TemplateFault`, `trial_mail.NoSender`, and `addresses.InvalidAddress` for what is none.
    """
    mail = sample(workspace=workspace, recipient=recipient)
    return trial.send_rendered(workspace=workspace, recipient=recipient, mail=mail)
