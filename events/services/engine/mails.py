"""Renders an enrollment's mail from its step's templates; writes and sends nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from events.language import steps
from events.language.placed_tags import has_tag
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.loaded_versions import PlacedStep
from subscribers.models import OutgoingEmail
from subscribers.services.audience import lists
from subscribers.services.consent import headers
from subscribers.services.consent import mail as confirmation_mail
from subscribers.services.outbox import outbox
from subscribers.services.outbox.outbox import Draft
from subscribers.templating import layout, merge_tags
from subscribers.templating import mail as rendering
from subscribers.templating.reader import Reader
from subscribers.wire import addresses


class NoSender(ValueError):
    code = "NO_SENDER"


def kind_of(step: steps.EmailStep) -> OutgoingEmail.Kind:
    kinds = OutgoingEmail.Kind
    return kinds.TRANSACTIONAL if step.is_transactional else kinds.MARKETING


def write(*, enrollment: ClaimedEnrollment, placed: PlacedStep, now: datetime) -> Draft:
    """Return the mail of a step; raises `rendering.TemplateFault` and `NoSender`."""
    step = placed.step
    if not isinstance(step, steps.EmailStep):
        raise TypeError("Only an email step makes a mail.")
    version, workspace = enrollment.version, enrollment.workspace
    address = version.from_email or workspace.from_email
    if not address:
        raise NoSender("Neither the sequence nor the workspace has a from address.")
    person, kind, data = enrollment.subscriber, kind_of(step), merge_data(enrollment)
    reader = reader_of(enrollment, now=now)
    footer = None
    if kind == OutgoingEmail.Kind.MARKETING:
        url = data["unsubscribeUrl"]
        footer = confirmation_mail.footer_of(workspace=workspace, url=url)
    try:
        name = rendering.render(version.from_name, data, is_html=False, reader=reader).strip()
    except rendering.TemplateFault as fault:
        reader.note(f"fromName: {fault} The workspace's name was used")
        name = ""
    name = name or workspace.from_name or workspace.name
    mail = rendering.render_mail(
        subject=step.subject,
        preview_text=step.preview_text,
        html=step.page,
        text=step.text,
        data=data,
        reader=reader,
        footer=footer,
        layout=layout.taken_by(step.page, layout=workspace.mail_layout, is_wanted=step.use_layout),
    )
    return Draft(
        workspace_id=enrollment.row.workspace_id,
        subscriber_id=enrollment.subscriber.pk,
        kind=kind,
        cause=enrollment.row.mail_cause,
        sender=rendering.address_header(name, address),
        reply_to=_reply_to(version.reply_to, data, reader),
        recipient=enrollment.subscriber.email,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        headers=headers.for_mail(subscriber=person, kind=kind, mail_list=version.mail_list),
        notes="\n".join(reader.notes),
    )


def _reply_to(template: str, data: Mapping[str, Any], reader: Reader) -> str:
    """Return the address; "", which is the sender's, and a note where the template gives none."""
    if not has_tag(template):
        return template
    try:
        made = rendering.header_text(rendering.render(template, data, is_html=False, reader=reader))
        return addresses.parse(made).mailbox
    except (rendering.TemplateFault, addresses.InvalidAddress) as error:
        reader.note(f"replyTo: {error} Answers go to the sender")
        return ""


def filled(
    step: steps.ChangingStep, *, enrollment: ClaimedEnrollment, now: datetime
) -> tuple[steps.ChangingStep, list[str]]:
    """Return the step with the values of merge tags, and the attributes that have none.

    Those stay as they are.
    """
    tags = step.attribute_tags if isinstance(step, steps.UpdateSubscriberStep) else {}
    if not isinstance(step, steps.UpdateSubscriberStep) or not tags:
        return step, []
    data, values = merge_data(enrollment), dict(step.attributes)
    reader = reader_of(enrollment, now=now)
    missing = []
    for name, template in tags.items():
        try:
            values[name] = merge_tags.value_of(template, data, reader=reader)
        except rendering.TemplateFault:
            values[name] = None
        if values[name] is None:
            del values[name]
            missing.append(name)
    return replace(step, attributes=values), missing


def merge_data(enrollment: ClaimedEnrollment) -> dict[str, Any]:
    """Return the data for the merge tags of mails, and for webhooks."""
    return confirmation_mail.merge_data(
        subscriber=enrollment.subscriber,
        workspace=enrollment.workspace,
        event=enrollment.event_properties,
        mail_list=enrollment.version.mail_list,
    )


def reader_of(enrollment: ClaimedEnrollment, *, now: datetime) -> Reader:
    return confirmation_mail.reader_of(
        subscriber=enrollment.subscriber, workspace=enrollment.workspace, now=now
    )


def reason_to_skip(*, enrollment: ClaimedEnrollment, kind: str) -> str | None:
    """Return the word why the person gets no such mail of the sequence now; the caller holds their
    lock. Transactional mail goes to people who are not on the sequence's list, too.
    """
    mail_list = enrollment.version.mail_list
    reason = outbox.reason_to_skip(subscriber=enrollment.subscriber, kind=kind)
    if reason is None and mail_list and kind == OutgoingEmail.Kind.MARKETING:
        return None if mail_list in enrollment.lists else lists.NOT_ON_LIST
    return reason
