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


@pytest.mark.parametrize(
    ("template", "expected", "note"),
    [
        ("{{ 999999999999999 | times: 999999999999999 }}.", ".", "beyond"),
        ("{{ 0.0 | divided_by: 0.0 }}.", ".", "divided_by gave nothing"),
        ("{{ 7 | modulo: 0 }}.", ".", "a number is zero: modulo gave nothing"),
        ("{% if event.list > 3 %}a{% else %}b{% endif %}", "b", "cannot be compared"),
        ("{% if event.list contains event.none %}a{% else %}b{% endif %}", "b", "event.none"),
        ("{% if event.n contains event.list %}a{% else %}b{% endif %}", "b", "cannot be compared"),
        ("{% if event.word contains event.n %}a{% else %}b{% endif %}", "b", ""),
        ("{{ event.list | plus: 1 }}.", ".", "is no number: plus gave nothing"),
        ("{{ event.word | money: 'euros' }}.", ".", "money gave nothing"),
    ],
)
def test_odd_values_are_blank_and_noted(template: str, expected: str, note: str) -> None:
    reader = Reader(now=NOW)
    data = {"event": {"list": [1, "a"], "n": 7, "word": "a b"}}

    assert render(template, data, is_html=False, reader=reader) == expected
    assert note in " ".join(reader.notes)
    assert bool(note) == bool(reader.notes)


def test_the_work_of_many_sortings_is_refused_by_its_count() -> None:
    data = {"event": {"numbers": [*range(10_000)]}}

    with pytest.raises(TemplateFault, match="handles too much"):
        render("{{ event.numbers " + "| uniq " * 20 + "| size }}", data, is_html=False)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% if event.total &gt; 5 %}big{% endif %}", "big"),
        ("{{ event.none | default: &quot;you &amp; me&quot; }}", "you & me"),
        ("{{&nbsp;event.total&nbsp;}}", "150"),
        ("{{\xa0event.total | plus: 1\xa0}}", "151"),
        ("{{ 'a&amp;b' | replace: '&amp;', '+' }}", "a+b"),
    ],
)
def test_entities_that_editors_write_into_tags_are_read(template: str, expected: str) -> None:
    check(template)

    assert render(template, DATA, is_html=False) == expected
