"""Moments on pages about one person: by the workspace's clock and the person's, UTC on hover."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString

FORMAT = "%a %-d %b %Y, %H:%M"


def clock(at: datetime, zone: ZoneInfo) -> SafeString:
    """Return the moment by the zone's clock; UTC where the calendar ends before its clock does."""
    utc = at.astimezone(UTC)
    try:
        local = at.astimezone(zone)
    except OverflowError:
        local = utc
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        f"{local:{FORMAT}}",
    )


def clocks(at: datetime, zone: ZoneInfo, theirs: ZoneInfo | None) -> SafeString:
    """Return the moment by the workspace's clock, and by the person's where it is another."""
    if theirs is None:
        return clock(at, zone)
    return format_html("{} · {}", clock(at, zone), clock(at, theirs))
