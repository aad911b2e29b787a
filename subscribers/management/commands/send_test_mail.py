"""`send_test_mail ADDRESS`: sends one plain mail and prints the exact outcome."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import mail_env
from subscribers.management import people
from subscribers.models import Workspace
from subscribers.services.outbox import trial as trial_mail
from subscribers.services.outbox.delivery import DeliveryOutcome
from subscribers.wire.addresses import InvalidAddress

FAILURES = {
    DeliveryOutcome.REFUSED: "Refused for good: {}",
    DeliveryOutcome.DEFERRED: "Not taken now (a real mail would be tried again): {}",
    DeliveryOutcome.UNKNOWN: "Unknown, it may have arrived: {}",
}


class Command(BaseCommand):
    help = "Send one plain mail as EMAIL_URL says, and print the exact outcome."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", metavar="ADDRESS", help="The recipient.")
        parser.add_argument(
            "--workspace",
            metavar="SLUG",
            help="The sending workspace; not needed where there is only one.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_or_only(slug=options["workspace"])
        address = options["address"]
        try:
            trial = trial_mail.send(
                workspace=workspace, recipient=address, now=datetime.now(tz=UTC)
            )
        except InvalidAddress as error:
            raise CommandError(f"ADDRESS {error}") from error
        except trial_mail.NoSender as error:
            raise CommandError(str(error)) from error
        if trial.delivery is None:
            raise CommandError(f"Not sent: {_brake(trial.verdict.reason, workspace, address)}")
        if trial.delivery.outcome is not DeliveryOutcome.SENT:
            raise CommandError(FAILURES[trial.delivery.outcome].format(trial.delivery.error))
        self.stdout.write(f"Sent: {_destination()} took the mail to {address}.")


def _brake(reason: str, workspace: Workspace, address: str) -> str:
    if reason == "not_in_allow_list":
        return f"EMAIL_ALLOW does not let mail go to {address}."
    if settings.MAIL_PAUSED:
        return "MAIL_PAUSED stops all mail."
    return f"mail of the workspace {workspace.slug} is paused on its page in the admin."


def _destination() -> str:
    match settings.EMAIL_BACKEND.removeprefix("django.core.mail.backends."):
        case mail_env.SMTP_BACKEND:
            return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        case "filebased.EmailBackend":
            # Set for this backend only, so the type checker does not know it.
            return str(getattr(settings, "EMAIL_FILE_PATH"))  # noqa: B009
        case other:
            return str(other).removesuffix(".EmailBackend")
