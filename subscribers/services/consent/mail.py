"""The confirmation email, from the workspace's templates or the default ones. No database."""

import html
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from subscribers.models import Confirmation, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import headers, ledger, links, our_mail
from subscribers.services.outbox.outbox import Draft
from subscribers.templating import mail as rendering
from subscribers.templating.mail import Footer, RenderedMail, TemplateFault
from subscribers.templating.reader import Reader, locale_of, zone_of
from subscribers.wire import addresses, link_tokens, profile

logger = logging.getLogger("cueline.confirmation_mail")

KIND = OutgoingEmail.Kind.CONFIRMATION
_FOOTER = "margin:32px 0 0;font-size:12px;line-height:1.5;color:#666666"
# What the templates call the link.
URL_TAG = "DOUBLE_OPT_IN_URL"


class LinkMissing(TemplateFault):
    """A part of the email lacks the link, so nobody could confirm."""

    code = "LINK_MISSING"


@dataclass(frozen=True, slots=True)
class Templates:
    """A confirmation email's templates; an empty text is made from the HTML."""

    subject: str
    html: str
    text: str


OURS = Templates(our_mail.SUBJECT, our_mail.HTML, our_mail.TEXT)


def templates_of(workspace: Workspace) -> Templates:
    """Return the workspace's templates; the default ones replace missing parts."""
    has_body = bool(workspace.confirmation_html.strip() or workspace.confirmation_text.strip())
    return Templates(
        subject=workspace.confirmation_subject.strip() or OURS.subject,
        html=workspace.confirmation_html if has_body else OURS.html,
        text=workspace.confirmation_text if has_body else OURS.text,
    )


def render(
    *, templates: Templates, data: dict[str, Any], reader: Reader | None = None
) -> RenderedMail:
    """Return the rendered email; raises `TemplateFault`, or its subclass `LinkMissing`."""
    mail = rendering.render_mail(
        reader=reader,
        subject=templates.subject,
        preview_text="",
        html=templates.html,
        text=templates.text,
        data=data,
    )
    url = data[URL_TAG]
    if url not in mail.text or (mail.html and url not in mail.html):
        raise LinkMissing("The mail must hold {{DOUBLE_OPT_IN_URL}}, in its HTML and its text.")
    return mail


def merge_data(
    *, subscriber: Subscriber, workspace: Workspace, event: Mapping[str, Any], mail_list: str = ""
) -> dict[str, Any]:
    """Return the merge data of every kind of email, as plain values; `mail_list` is the public id
    of the list that it belongs to.
    """
    return {
        "subscriber": {
            "id": subscriber.public_id,
            "email": subscriber.email,
            "externalId": subscriber.external_id,
            **profile.wire_form(subscriber),
            "attributes": subscriber.attributes,
        },
        "event": dict(event),
        "workspace": {"name": workspace.name, "postalAddress": workspace.postal_address},
        "unsubscribeUrl": headers.unsubscribe_url(subscriber, mail_list),
    }


def reader_of(*, subscriber: Subscriber, workspace: Workspace, now: datetime) -> Reader:
    """Return whose time zone and language a mail's dates and numbers have: the person's, by the
    attribute `locale`, else the workspace's.
    """
    own = subscriber.attributes.get("locale")
    return Reader(
        now=now,
        zone=zone_of(subscriber.timezone, workspace.timezone),
        locale=locale_of(own if isinstance(own, str) else "", workspace.language),
    )


def footer_of(*, workspace: Workspace, url: str) -> Footer | None:
    """Return what ends a marketing mail without its unsubscribe `url`; None where it is off."""
    if not workspace.has_footer:
        return None
    words, address = workspace.footer_link or "Unsubscribe", workspace.postal_address.strip()
    lines = [f'<a href="{html.escape(url)}">{html.escape(words)}</a>', html.escape(address)]
    inner = "<br>".join(filter(None, lines))
    return Footer(
        url=url,
        html=f'<p style="{_FOOTER}">{inner}</p>',
        text="\n".join(filter(None, [f"{words}: {url}", address])),
    )


def data_of(*, subscriber: Subscriber, workspace: Workspace, url: str) -> dict[str, Any]:
    """Return the merge data of a confirmation email: the link, and no event."""
    return merge_data(subscriber=subscriber, workspace=workspace, event={}) | {URL_TAG: url}


def write(
    *, confirmation: Confirmation, subscriber: Subscriber, cause: str, now: datetime
) -> Draft:
    """Return the email with a link valid from `now`; never raises for a template. Without a sender
    in the workspace the email has none, and waits for one in the outbox.
    """
    workspace = subscriber.workspace
    url = links.link(confirmation, now)
    data = data_of(subscriber=subscriber, workspace=workspace, url=url)
    reader = reader_of(subscriber=subscriber, workspace=workspace, now=now)
    try:
        mail = render(templates=templates_of(workspace), data=data, reader=reader)
    except TemplateFault as fault:
        # A sign-up must not wait until the template is corrected.
        ids = {"workspace_id": workspace.pk.hex}
        logger.warning(
            "The confirmation template failed; the default is used: %s", fault, extra=ids
        )
        mail = render(templates=OURS, data=data)
    return Draft(
        workspace_id=workspace.pk,
        subscriber_id=subscriber.pk,
        kind=KIND,
        cause=cause,
        sender=sender_of(workspace),
        recipient=subscriber.email,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        headers=headers.for_mail(subscriber=subscriber, kind=KIND),
        notes="\n".join(reader.notes),
    )


def sender_of(workspace: Workspace) -> str:
    """Return the workspace's From header; empty without a usable address."""
    try:
        return rendering.address_header(workspace.from_name or workspace.name, workspace.from_email)
    except addresses.InvalidAddress:
        return ""


def text_hash(draft: Draft) -> str:
    """Return the email's hash for the ledger, the same whenever its link is signed again."""
    parts = (draft.subject, draft.text, draft.html)
    return ledger.hash_of_text(*map(link_tokens.without_confirmation, parts))
