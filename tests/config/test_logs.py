"""Log lines: one record, one line, no secrets."""

import json
import logging

import pytest

from config.logs import JsonFormatter, PlainFormatter, redact

KEY = "cue_0123456789_" + "a" * 40


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    """Return a record as a library would make it."""
    made = logging.LogRecord("cueline.test", logging.INFO, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    return made


@pytest.mark.parametrize(
    "secret",
    [KEY, f"Bearer {KEY}", "Bearer abc.def", "postgresql://u:hunter2@h/x", "?token=abcdef&x=1",
     f"POST /u/{'abcdef' * 10}", f"GET /c/{'f' * 32}.1a2B3c.{'abcdef' * 5}",
     "password=hunter2", "Cookie: sessionid=abcdef; csrftoken=abcdef"],
)  # fmt: skip
def test_secrets_are_taken_out(secret: str) -> None:
    left = redact(f"before {secret} after")

    assert "[redacted]" in left
    assert not any(word in left for word in ("hunter2", "abcdef", "abc.def", "aaaa"))
    assert left.startswith("before ")


def test_the_prefix_of_a_key_names_it_and_is_shown() -> None:
    line = PlainFormatter().format(record("POST", workspace="acme", api_key="cue_0123456789"))

    assert line.endswith("POST workspace=acme api_key=cue_0123456789")


@pytest.mark.parametrize("formatter", [PlainFormatter(), JsonFormatter()])
def test_a_key_in_arguments_and_tracebacks_is_taken_out(formatter: logging.Formatter) -> None:
    error = ValueError(KEY)
    made = record("failed with %s", KEY)
    made.exc_info = (ValueError, error, None)

    line = formatter.format(made)

    assert "ValueError" in line
    assert "a" * 40 not in line


def test_a_line_break_forges_no_second_record() -> None:
    line = PlainFormatter().format(record("name %s", "x\r\n2026 INFO forged"))

    assert "\n" not in line
    assert "\r" not in line


def test_json_lines_carry_the_ids() -> None:
    line = JsonFormatter().format(record("a\n", request_id="req_1", email="a@b"))

    fields = json.loads(line)
    assert "\n" not in line
    assert fields["request_id"] == "req_1"
    assert fields["level"] == "INFO"
    assert "email" not in fields
