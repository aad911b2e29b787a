"""A mail never fails for a missing value: what cannot be worked out is blank, and noted."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from subscribers.templating.mail import TemplateFault, check, render
from subscribers.templating.merge_tags import render_url
from subscribers.templating.reader import Reader

NOW = datetime(2026, 12, 24, 17, 0, tzinfo=UTC)
DATA = {"event": {"total": "150", "at": "2026-12-24T17:00:00Z", "word": "a b/ü"}}


@pytest.mark.parametrize(
    ("template", "expected", "notes"),
    [
        ("{% if event.total > 100 %}big{% endif %}", "big", []),
        (
            "{{ event.total | divided_by: event.count }}",
            "",
            ["event.count is missing: divided_by gave nothing"],
        ),
        (
            "{% if event.no > 1 %}a{% else %}b{% endif %}",
            "b",
            ["event.no is missing: > gave nothing"],
        ),
        ("{{ 1 | divided_by: 0 }}", "", ["a number is zero: divided_by gave nothing"]),
        ("{{ 'now' | date: '%Y' }}", "2026", []),
        ("{{ event.at | date: '%H:%M %Z, %-d. %B' }}", "18:00 CET, 24. Dezember", []),
        ("{{ 19.5 | round: 2 }} {{ 2.5 | round }}", "19.5 3", []),
        ("{{ 1200 | times: 1.0 | number: 2 }}", "1.200,00", []),
        ("{{ 19.5 | money: 'EUR' }}", "19,50\xa0€", []),
    ],
)
def test_a_value_that_is_missing_gives_nothing(
    template: str, expected: str, notes: list[str]
) -> None:
    reader = Reader(now=NOW, zone=ZoneInfo("Europe/Berlin"), locale="de")

    assert render(template, DATA, is_html=False, reader=reader) == expected
    assert reader.notes == notes


def test_a_url_s_values_are_percent_encoded() -> None:
    assert render_url("https://x.io/{{ event.word }}", DATA) == "https://x.io/a%20b%2F%C3%BC"


def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    with pytest.raises(TemplateFault, match=r"Line 2: .*did you mean subscriber\.firstName\?"):
        check("x\n{{ subscriber.first_name }}")
