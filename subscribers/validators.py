"""Checks that models and forms share."""

import re
import zoneinfo

from babel import Locale, UnknownLocaleError
from django.core.exceptions import ValidationError

from subscribers.wire import json_gate, names


def validate_time_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(f"{name!r} is not a time zone such as Europe/Berlin.") from error


def validate_plain_text(text: str) -> None:
    """Refuse control characters, which one database stores and the other does not."""
    if json_gate.has_control(text):
        raise ValidationError("Control characters are not allowed.")


def validate_name(text: str) -> None:
    """Refuse control characters, and signs that cannot be seen."""
    validate_plain_text(text)
    unseen = names.find_unseen(text)
    if unseen:
        raise ValidationError(f"It holds a sign that cannot be seen ({unseen}).")


def validate_color(text: str) -> None:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValidationError("Give a colour as #2b665d.")


def validate_language(value: str) -> None:
    try:
        Locale.parse(value.replace("-", "_"))
    except (ValueError, UnknownLocaleError) as error:
        raise ValidationError("This is no language such as en, de or pt-BR.") from error
