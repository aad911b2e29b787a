"""Moments on pages about one person: by the workspace's clock and the person's, UTC on hover."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.readable import local_time, time_tag


def clock(at: datetime, zone: ZoneInfo) -> SafeString:
    return time_tag(at, f"{local_time(at, zone):%a %-d %b %Y, %H:%M}", zone)


def clocks(at: datetime, zone: ZoneInfo, theirs: ZoneInfo | None) -> SafeString:
    """Return the moment by the workspace's clock, and by the person's where it is another."""
    if theirs is None:
        return clock(at, zone)
    return format_html("{} · {}", clock(at, zone), clock(at, theirs))
