"""A sample of the confirmation email, shown or sent to an operator.

Its link leads to the page for expired links; nothing is stored, and no subscriber is involved.
"""

from django.conf import settings

from subscribers.models import Subscriber, Workspace
from subscribers.services.consent import mail as confirmation_mail
from subscribers.services.outbox import trial
from subscribers.services.outbox.trial import Trial
from subscribers.templating.mail import RenderedMail

SAMPLE_ADDRESS = "ada@example.com"


def sample(*, workspace: Workspace, recipient: str = SAMPLE_ADDRESS) -> RenderedMail:
    """Return the email for a subscriber with only an address; raises as `mail.render` does."""
    somebody = Subscriber(workspace=workspace, email=recipient, email_key=recipient.lower())
    data = confirmation_mail.data_of(
        subscriber=somebody, workspace=workspace, url=f"{settings.PUBLIC_URL}/c/sample"
    )
    return confirmation_mail.render(templates=confirmation_mail.templates_of(workspace), data=data)


def send(*, workspace: Workspace, recipient: str) -> Trial:
    """Send the sample outside transactions; raises as `sample` and `trial.send_rendered` do."""
    mail = sample(workspace=workspace, recipient=recipient)
    return trial.send_rendered(workspace=workspace, recipient=recipient, mail=mail)
