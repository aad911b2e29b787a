"""A sample of the confirmation email, shown or sent to an operator; and one of the layout.

Its link leads to the page for expired links; nothing is stored, and no subscriber is involved.
"""

from datetime import datetime

from django.conf import settings

from subscribers.models import Subscriber, Workspace
from subscribers.services.consent import mail as confirmation_mail
from subscribers.services.outbox import trial
from subscribers.services.outbox.trial import Trial
from subscribers.templating import mail as rendering
from subscribers.templating.mail import RenderedMail

SAMPLE_ADDRESS = "ada@example.com"
SAMPLE = (
    "<h1>The title of a mail</h1><p>Here stands what the mail says, with <a "
    'href="https://example.com/">a link</a>.</p>'
)


def sample(*, workspace: Workspace, recipient: str = SAMPLE_ADDRESS) -> RenderedMail:
    """Return the email for a subscriber with only an address; raises as `mail.render` does."""
    somebody = _somebody(workspace, recipient)
    data = confirmation_mail.data_of(
        subscriber=somebody, workspace=workspace, url=f"{settings.PUBLIC_URL}/c/sample"
    )
    return confirmation_mail.render(templates=confirmation_mail.templates_of(workspace), data=data)


def in_layout(*, workspace: Workspace, now: datetime) -> str:
    """Return HTML within the workspace's layout; raises `TemplateFault`."""
    somebody = _somebody(workspace, SAMPLE_ADDRESS)
    data = confirmation_mail.merge_data(subscriber=somebody, workspace=workspace, event={})
    mail = rendering.render_mail(
        subject="",
        preview_text="",
        html=SAMPLE,
        text="",
        # A link to leave that leads to nobody.
        data={**data, "unsubscribeUrl": f"{settings.PUBLIC_URL}/u/sample"},
        reader=confirmation_mail.reader_of(subscriber=somebody, workspace=workspace, now=now),
        layout=workspace.mail_layout,
    )
    return mail.html


def _somebody(workspace: Workspace, address: str) -> Subscriber:
    return Subscriber(workspace=workspace, email=address, email_key=address.lower())


def send(*, workspace: Workspace, recipient: str) -> Trial:
    """Send the sample outside transactions; raises as `sample` and `trial.send_rendered` do."""
    mail = sample(workspace=workspace, recipient=recipient)
    return trial.send_rendered(workspace=workspace, recipient=recipient, mail=mail)
