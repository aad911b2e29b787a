"""People imported from exports of other products, and what came of them."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command

from subscribers.models import ConsentRecord, Subscriber

SAMPLES = Path(__file__).parents[1] / "subscribers" / "management" / "samples"


def sample(preset: str, folder: Path) -> Path:
    """Return a product's file; of Mailchimp the archive, made in the folder."""
    if preset != "mailchimp":
        return SAMPLES / f"{preset}.csv"
    path = folder / "audience_export_0a1b2c3d4e.zip"
    with zipfile.ZipFile(path, "w") as written:
        for each in sorted((SAMPLES / "mailchimp").iterdir()):
            written.write(each, each.name)
    return path


def taken_in(path: Path, *arguments: str) -> str:
    """Import a file; return what the terminal shows."""
    shown = io.StringIO()
    call_command(
        "import_subscribers", str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown
    )
    return shown.getvalue()


def statuses() -> dict[str, str]:
    return {
        email.partition("@")[0]: status
        for email, status in Subscriber.objects.values_list("email", "status")
    }


def agreements() -> dict[str, tuple[datetime, str | None]]:
    """Return when and from where each person agreed."""
    lines = ConsentRecord.objects.filter(kind="confirmed")
    found = lines.values_list("subscriber__email", "at", "ip")
    return {email.partition("@")[0]: (moment, ip) for email, moment, ip in found}


def person(name: str) -> Subscriber:
    return Subscriber.objects.get(email=f"{name}@example.com")


def tags_of(name: str) -> list[str]:
    return sorted(person(name).tag_links.values_list("tag__name", flat=True))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
