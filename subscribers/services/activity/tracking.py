"""Tracked links, and the picture that counts opens: made when a mail is sent, and never stored.

So the stored mail has its own links, in the admin and in exports, and an attempt after a failure
sends the same ones. A token is the mail's id and an HMAC over the link: it leads to a link of that
mail as stored and nowhere else, and no rotation of a setting ends it.
See .github/decisions/tracked-links.md.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from subscribers.models import MailActivity, OutgoingEmail, Subscriber, Workspace
from subscribers.templating import html as mail_html
from subscribers.templating import links
from subscribers.wire import link_tokens, mail_tokens

Kind = MailActivity.Kind
# A person's attribute; true: nothing of theirs is tracked.
DO_NOT_TRACK = "doNotTrack"
CLICK_PAGE, OPEN_PAGE = "r", "o"
_CLICK, _OPEN = "cueline.click:", "cueline.open:"
# Pages whose links act in the person's name.
_OWN_PAGES = ("c", "u")
_PICTURE = '<img src="{}" width="1" height="1" alt="" style="display:block;border:0">'


@dataclass(frozen=True, slots=True)
class TrackedLink:
    email: OutgoingEmail
    url: str


def tracked_kinds(
    *, email: OutgoingEmail, workspace: Workspace, subscriber: Subscriber
) -> set[MailActivity.Kind]:
    """Return which of opens and clicks of a mail are tracked now: asked when it is sent, and again
    when somebody opens it or follows its link.
    """
    kinds = {OutgoingEmail.Kind.MARKETING}
    if workspace.tracks_transactional:
        kinds.add(OutgoingEmail.Kind.TRANSACTIONAL)
    if email.kind not in kinds or is_private(subscriber):
        return set()
    is_on = {Kind.OPENED: workspace.tracks_opens, Kind.CLICKED: workspace.tracks_clicks}
    return {kind for kind in is_on if is_on[kind]}


def is_private(subscriber: Subscriber) -> bool:
    """Tell whether the person does not want to be tracked."""
    return subscriber.attributes.get(DO_NOT_TRACK) is True


def parts_of(
    email: OutgoingEmail, *, workspace: Workspace, subscriber: Subscriber
) -> dict[str, str]:
    """Return the mail's HTML and text with tracked links and the picture, where they are on."""
    html, text = email.html, email.text
    key = workspace.address_hash_key

    def tracked(url: str) -> str:
        return _address(CLICK_PAGE, _secret(email.pk, key, _CLICK, url)) if _may_track(url) else url

    kinds = tracked_kinds(email=email, workspace=workspace, subscriber=subscriber)
    if Kind.CLICKED in kinds:
        html, text = links.replace_in_html(html, tracked), links.replace_in_text(text, tracked)
    if html and Kind.OPENED in kinds:
        address = f"{_address(OPEN_PAGE, _secret(email.pk, key, _OPEN))}.gif"
        html = mail_html.with_footer(html, _PICTURE.format(address))
    return {"html": html, "text": text}


def email_of_open(token: str) -> OutgoingEmail | None:
    """Return the mail of a picture's token, without its bodies; None for other text. One query."""
    secret = _read(token)
    email = _find(secret, OutgoingEmail.objects.defer("html", "text", "headers"))
    if secret is None or email is None:
        return None
    known = _secret(email.pk, email.workspace.address_hash_key, _OPEN)
    return email if hmac.compare_digest(known, secret) else None


def link_of(token: str) -> TrackedLink | None:
    """Return the mail and the link of a token; None for other text. One query."""
    secret = _read(token)
    email = _find(secret, OutgoingEmail.objects.all())
    if secret is None or email is None:
        return None
    key = email.workspace.address_hash_key
    for url in _links_of(email):
        if hmac.compare_digest(_secret(email.pk, key, _CLICK, url), secret):
            return TrackedLink(email, url)
    return None


def _find(secret: bytes | None, emails: QuerySet[OutgoingEmail]) -> OutgoingEmail | None:
    if secret is None:
        return None
    email_id = UUID(bytes=secret[: mail_tokens.ID_BYTES])
    return emails.select_related("workspace", "subscriber").filter(pk=email_id).first()


def _links_of(email: OutgoingEmail) -> Iterator[str]:
    found: dict[str, None] = {}

    def note(url: str) -> str:
        found[url] = None
        return url

    links.replace_in_html(email.html, note)
    links.replace_in_text(email.text, note)
    return filter(links.is_web, found)


def _may_track(url: str) -> bool:
    """Tell whether a link is led through us: not those that confirm or unsubscribe, however
    they are wrapped, and not those that a redirect might change.
    """
    if not links.is_web(url) or link_tokens.hidden(url) != url:
        return False
    if url.startswith(tuple(f"{settings.PUBLIC_URL}/{page}/" for page in _OWN_PAGES)):
        return False
    try:
        return urlsplit(url).netloc.isascii()
    except ValueError:
        return False


def _secret(email_id: UUID, key: str, purpose: str, url: str = "") -> bytes:
    return mail_tokens.secret_of(email_id=email_id, key=key, purpose=purpose, content=url)


def _read(token: str) -> bytes | None:
    return mail_tokens.decode(token, size=mail_tokens.TOKEN_BYTES)


def _address(page: str, secret: bytes) -> str:
    # Not reversed: the worker would load the URL conf, with the admin and the API, for one path.
    return f"{settings.PUBLIC_URL}/{page}/{mail_tokens.encode(secret)}"
