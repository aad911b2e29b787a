"""Log lines, plain or JSON, without secrets.

The formatter redacts, so messages, arguments and tracebacks of every library are covered.
"""

import json
import logging
import re
from datetime import UTC, datetime

REDACTED = "[redacted]"
SECRETS = re.compile(
    # A key's prefix alone, as the admin shows it, is no secret.
    r"cue_(?![a-z0-9]{10}\b)[A-Za-z0-9]{4,}(?:_[A-Za-z0-9]+)?"
    r"|(?<=Bearer )\S+"
    # The token in the address of a confirmation or unsubscribe page, tracked link or picture.
    r"|(?<=/[curo]/)[0-9A-Za-z._-]{8,}"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
    r"|(?i:(?<=password=)|(?<=token=)|(?<=secret=)|(?<=sessionid=)|(?<=csrftoken=))[^\s&;,'\"]+"
)
EXTRAS = (
    "request_id", "duration_ms", "workspace", "api_key", "workspace_id", "subscriber_id",
    "event_id",
)  # fmt: skip


def redact(text: str) -> str:
    """Replace API keys, bearer tokens, tokens in paths, and passwords in URLs and queries."""
    return SECRETS.sub(REDACTED, text)


class PlainFormatter(logging.Formatter):
    """`2026-01-31T10:00:00.000Z INFO cueline.request: message request_id=…`."""

    def format(self, record: logging.LogRecord) -> str:
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{extras}"
        # One record, one line: an outsider's line break must not forge another record.
        line = line.replace("\r", "\\r").replace("\n", "\\n")
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return redact(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the ids of the record."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **_extras(record),
        }
        if record.exc_info:
            fields["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(fields, default=str)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}
