"""Mails that come back, in the shapes that mail servers and providers send."""

from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent import unsubscribing
from subscribers.services.outbox import return_path
from subscribers.wire import mail_tokens

RETURN_PATH = "bounces+{token}@mail.example.com"
UNSUBSCRIBE = "leave+{token}@mail.example.com"
NOBODY = "smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown"


def address_of(email: OutgoingEmail) -> str:
    """Return the envelope sender that an email had."""
    return return_path.address_of(email_id=email.pk, workspace=email.workspace)


def leaving_address_of(person: Subscriber) -> str:
    token = bytes.fromhex(unsubscribing.link_token(person))
    return mail_tokens.address(pattern=UNSUBSCRIBE, secret=token)


def dsn(
    to: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    reply: str = NOBODY,
    headers: str = "",
    returned: str = "Subject: Hello\n\nHi\n",
) -> bytes:
    """Return a notification as Postfix writes it."""
    diagnostic = f"Diagnostic-Code: {reply}\n" if reply else ""
    return f"""Return-Path: <>
Date: Mon, 30 Nov 2026 12:00:00 +0000
From: MAILER-DAEMON@relay.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
{headers}Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_cut"

This is a MIME-encapsulated message.

--=_cut
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--=_cut
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com
Arrival-Date: Mon, 30 Nov 2026 11:59:00 +0000

Final-Recipient: rfc822; ada@example.org
Original-Recipient: rfc822;ada@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
{diagnostic}
--=_cut
Content-Type: message/rfc822

{returned}
--=_cut--
""".encode()


def complaint(to: str, *, kind: str = "abuse", mail_from: str = "") -> bytes:
    """Return an abuse report (RFC 5965)."""
    original = f"Original-Mail-From: <{mail_from}>\n" if mail_from else ""
    return f"""From: <feedback@provider.example>
To: {to}
Subject: FW: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="cut"

--cut
Content-Type: text/plain

This is an email abuse report.
--cut
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{original}
--cut
Content-Type: message/rfc822

Subject: Hello

Hi
--cut--
""".encode()


def plain(to: str, text: str, *, sender: str = "MAILER-DAEMON@x.example", more: str = "") -> bytes:
    return f"From: {sender}\nTo: {to}\nSubject: failure notice\n{more}\n{text}\n".encode()


# As qmail says it: no RFC 3464.
QMAIL = """Hi. This is the qmail-send program at x.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@example.org>:
192.0.2.1 does not like recipient.
Remote host said: {reply}
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Subject: Hello
"""
