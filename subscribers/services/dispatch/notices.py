"""Reads mail that came back: delivery status notifications (RFC 3464), abuse reports (RFC 5965),
bounces of other shapes (flufl.bounce), and mails to unsubscribe.

Anybody may write to these addresses, so a mail means nothing without a token in an address that it
was sent to; addresses in its text are never read. No database, no network, and it never raises.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from enum import Enum, auto

from subscribers.services.outbox import refusals
from subscribers.wire import mail_tokens

# The id and the secret of an unsubscribe link.
LEAVE_BYTES = 32
# What is read of a mail. The report comes before the returned mail, which may be cut off.
MOST_BYTES = 256 * 1024
# The parser's work grows with the parts within parts.
MOST_NESTED = 20
# What is read of one part as words, and kept of a server's reply.
LONGEST_TEXT = 64 * 1024
LONGEST_REPLY = 400
# Where servers write the address that a mail was sent to.
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
# In the subject of a mail to leave one list.
_LIST = re.compile(r"\blst_[0-9a-f]{32}\b", re.ASCII)
_NESTING = re.compile(rb"multipart/|message/", re.IGNORECASE)
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
# RFC 5965, 7.3: the others say that nothing is wrong, or speak of no person.
_COMPLAINTS = frozenset({"abuse", "fraud"})
# RFC 5321, 4.2: a reply in words for people, up to the empty line.
_REPLY = re.compile(r"(?<![\d.])(5\d\d)[ -](?!\d\d\d\b)([^\r\n]*(?:\r?\n[^\r\n]+){0,3})")
_CODE = re.compile(r"(?<![\d.])([245]\d\d)(?![\d.])")
_EXACT_STATUS = re.compile(r"[245]\.\d{1,3}\.[1-9]\d{0,2}")
_NOBODY = re.compile(
    r"user unknown|unknown (?:user|recipient|local)|no such (?:user|recipient|mailbox|address)"
    r"|(?:user|mailbox|recipient|address)(?: \S+)? (?:does not|doesn't) exist|no mailbox here",
    re.IGNORECASE,
)


class Kind(Enum):
    HARD_BOUNCE = auto()
    # Delayed, full, refused for what the mail says: the address may well exist.
    SOFT_BOUNCE = auto()
    COMPLAINT = auto()
    LEAVE = auto()


@dataclass(frozen=True, slots=True)
class Notice:
    """What a mail says, and the bytes of the token in the address that it was sent to."""

    kind: Kind
    token: bytes
    # The server's reply, printable; of a mail to unsubscribe the list's public id, if it names one.
    details: str = ""


def read(content: bytes, *, return_path: str, unsubscribe: str) -> Notice | None:
    """Return what a mail says, given the patterns of both addresses; None if it is no notice."""
    try:
        return _read(content[:MOST_BYTES], return_path, unsubscribe)
    except Exception:  # noqa: BLE001 - the parsers' own faults at a stranger's mail
        return None


def _read(content: bytes, return_path: str, unsubscribe: str) -> Notice | None:
    if len(_NESTING.findall(content)) > MOST_NESTED:
        return None
    mail = message_from_bytes(content)
    sent_to = "\n".join(str(each) for name in _RECIPIENT_HEADERS for each in mail.get_all(name, []))
    is_report = mail.get_content_type() == "multipart/report"
    leaving = mail_tokens.find(pattern=unsubscribe, size=LEAVE_BYTES, text=sent_to)
    if leaving:
        is_from_person = not is_report and not _is_automatic(mail)
        named = _LIST.search(str(mail.get("Subject", "")))
        return Notice(Kind.LEAVE, leaving[0], named[0] if named else "") if is_from_person else None
    if is_report and (complaint := _complaint(mail, sent_to, return_path)):
        return complaint
    returned = mail_tokens.find(pattern=return_path, size=mail_tokens.TOKEN_BYTES, text=sent_to)
    if not returned:
        return None
    blocks = list(_status_blocks(mail))
    found = _bounce_in(blocks) if blocks else _bounce_in_words(content)
    return Notice(found[0], returned[0], _printable(found[1])) if found else None


def _is_automatic(mail: Message) -> bool:
    """Tell whether a program answered (RFC 3834, 5), as in holidays."""
    submitted = str(mail.get("Auto-Submitted", "")).lower()
    return submitted.startswith("auto-replied") or "X-Autoreply" in mail


def _complaint(mail: Message, sent_to: str, return_path: str) -> Notice | None:
    for part in mail.walk():
        if part.get_content_type() != "message/feedback-report":
            continue
        fields = message_from_string(_text_of(part).lstrip())
        if str(fields.get("Feedback-Type", "")).strip().lower() not in _COMPLAINTS:
            return None
        # Providers send these to one registered address, with the envelope sender in a field.
        text = f"{sent_to}\n{fields.get('Original-Mail-From', '')}"
        tokens = mail_tokens.find(pattern=return_path, size=mail_tokens.TOKEN_BYTES, text=text)
        return Notice(Kind.COMPLAINT, tokens[0]) if tokens else None
    return None


def _status_blocks(mail: Message) -> Iterator[Message]:
    """Yield the fields about each recipient of a delivery status notification."""
    for part in mail.walk():
        if part.get_content_type() in _STATUS_PARTS:
            for block in re.split(r"\r?\n\s*\r?\n", _text_of(part)):
                fields = message_from_string(block.lstrip())
                if "Action" in fields:
                    yield fields


def _bounce_in(blocks: list[Message]) -> tuple[Kind, str] | None:
    """Return the gravest of what a notification says of its recipients."""
    found: tuple[Kind, str] | None = None
    for block in blocks:
        action = str(block["Action"]).split("(")[0].strip().lower()
        if action not in {"failed", "delayed"}:
            continue
        status = str(block.get("Status", "")).strip()
        reply = str(block.get("Diagnostic-Code", "")).partition(";")[2].strip()
        if action == "failed" and _is_of_recipient(status, reply):
            return Kind.HARD_BOUNCE, reply or status
        found = found or (Kind.SOFT_BOUNCE, reply or status)
    return found


def _is_of_recipient(status: str, reply: str) -> bool:
    """Judge as the answers of a mail server; a status decides where the reply has none."""
    exact = _EXACT_STATUS.match(status)
    if not status.startswith("5") or not (exact or reply):
        return False
    text = reply
    if exact and not _EXACT_STATUS.search(reply):
        text = f"{exact[0]} {reply}"
    code = _CODE.search(reply)
    return refusals.is_of_recipient(code=int(code[1]) if code else 550, text=text)


def _bounce_in_words(content: bytes) -> tuple[Kind, str] | None:
    """Read a bounce of another shape: flufl.bounce says whether it is a permanent one, and the
    reply in it, or its words, whether it is about the recipient.
    """
    from flufl.bounce import scan_message  # noqa: PLC0415 - few mails need its 36 ms

    mail = message_from_bytes(content[:LONGEST_TEXT])
    is_bounce = "X-Failed-Recipients" in mail or not _is_automatic(mail)
    if not is_bounce or not scan_message(mail):
        return None
    texts = (part for part in mail.walk() if part.get_content_maintype() == "text")
    text = _text_of(next(texts, mail))
    reply = _REPLY.search(text)
    if reply:
        words = " ".join(reply[2].split())
        is_hard = refusals.is_of_recipient(code=int(reply[1]), text=words)
        return (Kind.HARD_BOUNCE if is_hard else Kind.SOFT_BOUNCE), f"{reply[1]} {words}"
    nobody = _NOBODY.search(text)
    return (Kind.HARD_BOUNCE, nobody[0]) if nobody else (Kind.SOFT_BOUNCE, "")


def _text_of(part: Message) -> str:
    """Return a part's text. That of a notification was parsed into messages, one a recipient."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n".join(str(each) for each in payload)[:LONGEST_TEXT]
    decoded = part.get_payload(decode=True)
    text = decoded if isinstance(decoded, bytes) else str(payload).encode("utf-8", "replace")
    return text[:LONGEST_TEXT].decode("utf-8", "replace")


def _printable(text: str) -> str:
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return "".join(filter(str.isprintable, line))[:LONGEST_REPLY]
