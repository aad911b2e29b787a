"""A mail as it leaves with tracked links, and what visits it."""

import re
from typing import Any

from django.test import Client

from subscribers.models import MailActivity, OutgoingEmail, Workspace
from subscribers.services.activity.rules import Visit
from subscribers.services.outbox import outbox
from subscribers.services.outbox.delivery import Message
from tests import factories

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
A_PERSON = Visit(user_agent=FIREFOX, destination="document")
SHOP, HELP = "https://shop.example/sale?a=1&b=2", "https://help.example/"
HTML = (
    f'<html><body><p><a href="{SHOP.replace("&", "&amp;")}">Sale</a> <a href="{HELP}">Help</a>'
    "</p></body></html>"
)
TEXT = f"Sale: {SHOP}\n\nHelp ({HELP})."
# What a browser sends when somebody follows a link, or a page shows a picture.
BROWSER = {"User-Agent": FIREFOX, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SHOWS_PICTURE = {**BROWSER, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


def tracking_workspace(**columns: Any) -> Workspace:
    switches = {"tracks_opens": True, "tracks_clicks": True}
    return factories.WorkspaceFactory.create(**{**switches, **columns})


def sent_mail(workspace: Workspace | None = None, **columns: Any) -> OutgoingEmail:
    """Return a mail that left some time ago, of a workspace that tracks both."""
    if "subscriber" not in columns:
        columns["subscriber"] = factories.SubscriberFactory.create(
            workspace=workspace or tracking_workspace()
        )
    return factories.OutgoingEmailFactory.create(
        **{"html": HTML, "text": TEXT, "sent": True, **columns}
    )


def message_of(email: OutgoingEmail) -> Message:
    return outbox.message_of(email, workspace=email.workspace, subscriber=email.subscriber)


def links_of(email: OutgoingEmail) -> list[str]:
    """Return the paths of the tracked links in the HTML as it leaves."""
    return re.findall(r'href="http://[^/"]+(/r/[a-z2-7]+)"', message_of(email).html)


def picture_of(email: OutgoingEmail) -> str:
    found = re.search(r'src="http://[^/"]+(/o/[a-z2-7]+\.gif)"', message_of(email).html)
    assert found is not None
    return found[1]


def token_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".gif")


def get(path: str, headers: dict[str, str] | None = None) -> Any:
    return Client().get(path, headers=BROWSER if headers is None else headers)


def activity_of(email: OutgoingEmail) -> list[tuple[str, str, str]]:
    rows = MailActivity.objects.filter(email=email).order_by("id")
    return list(rows.values_list("kind", "quality", "url"))
