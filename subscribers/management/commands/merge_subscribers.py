"""`merge_subscribers KEEP GONE`: merges two people; it resolves an identity conflict."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers.management import asking_first, people
from subscribers.services.audience import named_people
from subscribers.services.people import merging
from subscribers.services.people.merging import Merged


class Command(BaseCommand):
    help = (
        "Merge two people: all that GONE did and has moves to KEEP, whose address stays. "
        "GONE is deleted; its address gets no mail, and is not suppressed. It cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keep", metavar="KEEP", help=f"Named by {named_people.FORMS}.")
        parser.add_argument("gone", metavar="GONE", help="Named likewise.")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        asking_first.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = people.workspace_of(slug=options["workspace"])
        kept = people.person_of(workspace=workspace, name=options["keep"])
        gone = people.person_of(workspace=workspace, name=options["gone"])
        asking_first.make_sure(
            question=f"Merge {gone.email} ({gone.public_id}, {gone.status}) for ever into "
            f"{kept.email} ({kept.public_id}, {kept.status})?",
            is_sure=options["yes"],
        )
        try:
            merged = merging.merge(
                kept_id=kept.pk,
                gone_id=gone.pk,
                attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
                circumstances=asking_first.by_command(),
                now=datetime.now(tz=UTC),
            )
        except merging.CannotMerge as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{kept.email} is {merged.status} now. {_sentence(merged)}")
        if merged.is_without_attributes:
            self.stderr.write(
                f"The attributes of {gone.email} are lost: together they have more than "
                f"{settings.MAX_ATTRIBUTES_BYTES:,} bytes."
            )


def _sentence(merged: Merged) -> str:
    history = merged.history
    return (
        f"Moved: {history.events:,} events ({history.duplicates:,} that both had are "
        f"dropped), {history.enrollments:,} enrollments ({history.cancelled:,} cancelled), "
        f"{merged.mails:,} mails, {merged.tags:,} tags, {merged.lists:,} lists."
    )
