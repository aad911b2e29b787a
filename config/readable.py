"""JSON and times in readable form, for the admin; text from outside is escaped."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

NOTHING = format_html('<span class="cueline-nothing">{}</span>', "none")


def moment(at: datetime, zone: ZoneInfo | None = None) -> str:
    """Return a time by a zone's clock, with its name: `2026-11-30 09:00:00 CET`.

    Without a zone it is the page's (`config.admin_times`), in the terminal UTC.
    """
    local = local_time(at, zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"


def local_time(at: datetime, zone: ZoneInfo | None = None) -> datetime:
    """Return a time by a zone's clock; in UTC where the calendar ends before that clock does."""
    try:
        return localtime(at, zone)
    except OverflowError:
        return at.astimezone(UTC)


def zone_name(local: datetime) -> str:
    """Return the short name of a local time's zone; the long one where the short is a number."""
    short = local.tzname() or ""
    return short if short.isalpha() else str(local.tzinfo)


def time_tag(at: datetime, words: str = "", zone: ZoneInfo | None = None) -> SafeString:
    """Return `moment`, or other words for it, as an element that shows the time in UTC too."""
    utc = at.astimezone(UTC)
    title = f"{local_time(at, zone).tzinfo} · {utc:%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        title,
        words or moment(at, zone),
    )


def sentence(words: str, *parts: object) -> SafeString:
    """Return `format_html`'s result, with an element around each part whose direction could turn
    the words beside it.
    """
    return format_html(words, *map(_apart, parts))


def bulleted(items: Iterable[SafeString | str]) -> SafeString:
    """Return a list with a line for each item, or a word for none."""
    lines = format_html_join("", "<li>{}</li>", ((item,) for item in items))
    return format_html('<ul class="cueline-list">{}</ul>', lines) if lines else NOTHING


def separated(items: Iterable[SafeString | str]) -> SafeString:
    """Return the items side by side, or a word for none."""
    shown = format_html_join(" ", '<span class="cueline-item">{}</span>', ((i,) for i in items))
    return shown or NOTHING


def json_value(value: Any) -> SafeString:  # noqa: ANN401 - any JSON value
    """Return a stored JSON value as nested tables of keys and values.

    Stored values nest 20 deep at most, so recursion is bounded.
    """
    if isinstance(value, dict) and value:
        rows = ((key, json_value(each)) for key, each in value.items())
        return format_html(
            '<table class="cueline-json"><tbody>{}</tbody></table>',
            format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows),
        )
    if isinstance(value, list) and value:
        lines = format_html_join("", "<li>{}</li>", ((json_value(each),) for each in value))
        return format_html('<ol class="cueline-json">{}</ol>', lines)
    return format_html('<code class="cueline-{}">{}</code>', type(value).__name__, scalar(value))


def _apart(part: object) -> object:
    is_plain = not isinstance(part, str) or isinstance(part, SafeString) or part.isascii()
    return part if is_plain else format_html("<bdi>{}</bdi>", part)


def scalar(value: object) -> str:
    if isinstance(value, str):
        return value or '""'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
