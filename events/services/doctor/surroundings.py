"""Checks of settings and of the mail server."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

from subscribers.services.audits.audits import Audit, Check, Finding, Level, fact
from subscribers.services.outbox import probe

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def public_url(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - every check is called alike
    """Tell whether links in mails work for those who get them."""
    url: str = settings.PUBLIC_URL
    backend: str = settings.EMAIL_BACKEND
    is_mailing = backend.endswith("smtp.EmailBackend") or backend.startswith("anymail")
    if urlsplit(url).hostname in LOOPBACK and is_mailing:
        return [
            Finding(
                what=f"PUBLIC_URL is {url}: the links in mails work on this machine alone",
                remedy="Set PUBLIC_URL to the address that people reach Cueline by.",
                level=Level.WARNING,
            )
        ]
    return fact(f"PUBLIC_URL is {url}.")


def debugging(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Tell of DEBUG, which shows settings and queries to whoever makes a page fail."""
    if not settings.DEBUG:
        return []
    return [
        Finding(
            what="DEBUG is on",
            remedy="Take DEBUG out of the environment where others can reach it.",
            level=Level.WARNING,
        )
    ]


def mail_brakes(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Tell of the switches that keep mail from leaving."""
    findings: list[Finding] = []
    if settings.MAIL_PAUSED:
        findings.append(
            Finding(
                what="MAIL_PAUSED is on: no mail leaves, what is due waits",
                remedy="Take MAIL_PAUSED out of the environment and restart, when mail may leave.",
                level=Level.WARNING,
            )
        )
    if settings.EMAIL_ALLOW:
        findings.append(
            Finding(
                what=f"EMAIL_ALLOW lets mail go to {', '.join(settings.EMAIL_ALLOW[:5])} alone",
                remedy="Take EMAIL_ALLOW out of the environment and restart, when all may get mail;"
                " what was skipped meanwhile stays skipped.",
                level=Level.WARNING,
                count=len(settings.EMAIL_ALLOW),
            )
        )
    return findings


def mail_server(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Open and close a connection to the mail server; sends nothing."""
    probed = probe.probe()
    if probed.fault:
        return [
            Finding(
                what=f"{probed.destination} takes no mail: {probed.fault}",
                remedy="Check EMAIL_URL and the server, then try send_test_mail ADDRESS.",
            )
        ]
    if probed.is_local:
        return [
            Finding(
                what=f"Mail goes nowhere: it becomes {probed.destination}",
                remedy="Set EMAIL_URL when people are to get mail.",
                level=Level.WARNING,
            )
        ]
    if probed.is_untried:
        return fact(f"Mail goes to {probed.destination} (not tried; send_test_mail does).")
    return fact(f"{probed.destination} answers.")


CHECKS = (
    Check("Settings", "public URL", "Links in mails work.", public_url),
    Check("Settings", "debug", "DEBUG is off.", debugging),
    Check("Mail", "brakes", "No setting holds mail back.", mail_brakes),
    Check("Mail", "server", "The mail server answers.", mail_server),
)
