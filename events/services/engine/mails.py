"""A run's mail as its step's templates make it; nothing here writes or sends."""

from typing import Any

from events.language import steps
from events.services.engine.claimed import Run
from events.services.engine.loaded_versions import PlacedStep
from subscribers.ids import encode
from subscribers.models import OutgoingEmail
from subscribers.services.consent import headers
from subscribers.services.outbox.outbox import Draft
from subscribers.templating import mail as rendering


class NoSender(ValueError):
    """Neither the sequence nor its workspace says whom mail comes from."""

    code = "NO_SENDER"


def kind_of(step: steps.EmailStep) -> OutgoingEmail.Kind:
    """Return what kind of mail a step sends."""
    kinds = OutgoingEmail.Kind
    return kinds.TRANSACTIONAL if step.is_transactional else kinds.MARKETING


def write(*, run: Run, placed: PlacedStep) -> Draft:
    """Return the mail of a step; raises `rendering.TemplateFault` and `NoSender`."""
    step = placed.step
    if not isinstance(step, steps.EmailStep):
        raise TypeError("Only an email step makes a mail.")
    address = run.version.from_email or run.workspace.from_email
    if not address:
        raise NoSender("Neither the sequence nor the workspace has a from address.")
    name = run.version.from_name or run.workspace.from_name or run.workspace.name
    mail = rendering.render_mail(
        subject=step.subject,
        preview_text=step.preview_text,
        html=step.html,
        text=step.text,
        data=merge_data(run),
    )
    kind = kind_of(step)
    return Draft(
        workspace_id=run.row.workspace_id,
        subscriber_id=run.subscriber.pk,
        kind=kind,
        cause=run.row.mail_cause,
        sender=rendering.address_header(name, address),
        reply_to=run.version.reply_to,
        recipient=run.subscriber.email,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        headers=headers.for_mail(subscriber=run.subscriber, kind=kind),
    )


def merge_data(run: Run) -> dict[str, Any]:
    """Return what merge tags read, as plain values."""
    person = run.subscriber
    return {
        "subscriber": {
            "id": encode("sub", person.pk),
            "email": person.email,
            "externalId": person.external_id,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "timezone": person.timezone,
            "attributes": person.attributes,
        },
        "event": dict(run.event_properties),
        "workspace": {"name": run.workspace.name},
        "unsubscribeUrl": headers.unsubscribe_url(person),
    }
