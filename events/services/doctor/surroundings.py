"""Checks of settings and of the mail server."""

import shlex
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

from config import mail_env, private_files
from subscribers.services.audits.audits import Audit, Check, Finding, Level, fact
from subscribers.services.dispatch import bounce_mailbox
from subscribers.services.outbox import probe

# Named in one remedy.
MOST_FILES = 5
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def public_url(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - every check is called alike
    """Find links in mails that would work on this machine only."""
    url: str = settings.PUBLIC_URL
    backend: str = settings.EMAIL_BACKEND
    is_mailing = backend == mail_env.SMTP_BACKEND or backend.startswith("anymail")
    if urlsplit(url).hostname in LOOPBACK and is_mailing:
        what = f"PUBLIC_URL is {url}: the links in mails work on this machine only"
        remedy = "Set PUBLIC_URL to the address at which people reach Cueline."
        return [Finding(what=what, remedy=remedy, level=Level.WARNING)]
    return fact(f"PUBLIC_URL is {url}.")


def debugging(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    if not settings.DEBUG:
        return []
    remedy = "Remove DEBUG from the environment: it shows settings and queries on error pages."
    return [Finding(what="DEBUG is on", remedy=remedy, level=Level.WARNING)]


def files(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Find files that other accounts of this machine may read, or put in DATA_DIR's place."""
    findings = [
        Finding(
            what=f"Every account of this machine may write in {each}: it can replace DATA_DIR",
            remedy=f"Run chmod o-w {shlex.quote(str(each))}",
            level=Level.WARNING,
        )
        for each in private_files.open_above()
    ]
    exposed = private_files.exposed()
    if not exposed:
        return findings
    folder = private_files.data_folder()
    more = f", and {len(exposed) - 1:,} more" if len(exposed) > 1 else ""
    what = f"Other accounts of this machine have rights on {exposed[0]}{more}"
    outside = [each for each in exposed if each != folder and folder not in each.parents]
    if exposed[0] == folder and private_files.is_shared(folder):
        remedy = f"{folder} is not Cueline's alone: set DATA_DIR to a folder of its own."
    else:
        named = [folder, *outside] if len(outside) < len(exposed) else outside
        listed = " ".join(shlex.quote(str(each)) for each in named[:MOST_FILES])
        remedy = f"Run chmod -R go-rwx {listed}"
    return [*findings, Finding(what=what, remedy=remedy)]


def mail_brakes(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    findings: list[Finding] = []
    if settings.MAIL_PAUSED:
        what = "MAIL_PAUSED is on: no mail is sent, due mail waits"
        remedy = "To send mail, remove MAIL_PAUSED from the environment and restart."
        findings.append(Finding(what=what, remedy=remedy, level=Level.WARNING))
    if settings.EMAIL_ALLOW:
        findings.append(
            Finding(
                what=f"EMAIL_ALLOW allows mail to {', '.join(settings.EMAIL_ALLOW[:5])} only",
                remedy="To send mail to all, remove EMAIL_ALLOW from the environment and restart; "
                "skipped mails stay skipped.",
                level=Level.WARNING,
                count=len(settings.EMAIL_ALLOW),
            )
        )
    return findings


def mail_server(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Open and close a connection to the mail server; sends nothing."""
    probed = probe.probe()
    if probed.fault:
        what = f"{probed.destination} accepts no mail: {probed.fault}"
        remedy = "Check EMAIL_URL and the server, then try send_test_mail ADDRESS."
        return [Finding(what=what, remedy=remedy)]
    if probed.is_local:
        what = f"Mail reaches nobody: it becomes {probed.destination}"
        remedy = "To send mail to people, set EMAIL_URL."
        return [Finding(what=what, remedy=remedy, level=Level.WARNING)]
    if probed.is_untried:
        return fact(f"Mail goes to {probed.destination} (not tried; send_test_mail does).")
    return fact(f"{probed.destination} answers: {probed.protection}.")


def bounces(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - as above
    """Sign in at the bounce mailbox, and find a RETURN_PATH without effect; changes nothing."""
    findings: list[Finding] = []
    backend: str = settings.EMAIL_BACKEND
    if settings.RETURN_PATH and not probe.has_return_path():
        what = f"RETURN_PATH is not used by {backend.removesuffix('.EmailBackend')}"
        remedy = "Remove it, or send by SMTP; delivery services report bounces by a webhook."
        findings.append(Finding(what=what, remedy=remedy, level=Level.WARNING))
    mailbox = settings.BOUNCE_MAILBOX
    fault = bounce_mailbox.probe(mailbox=mailbox) if mailbox else ""
    if fault:
        remedy = "Check BOUNCE_MAILBOX_URL and the server; bounces wait there until then."
        findings.append(Finding(what=f"The bounce mailbox cannot be read: {fault}", remedy=remedy))
    return findings


CHECKS = (
    Check("Settings", "public URL", "Links in mails work.", public_url),
    Check("Settings", "debug", "DEBUG is off.", debugging),
    Check("Settings", "files", "No other account of this machine may read Cueline's files.", files),
    Check("Mail", "brakes", "No setting holds mail back.", mail_brakes),
    Check("Mail", "server", "The mail server answers.", mail_server),
    Check("Mail", "bounces", "Bounces that come later can be read.", bounces),
)
