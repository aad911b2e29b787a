"""Charts made by the server."""

import pytest

from config.charts import Series, Tone, draw


def test_columns_stand_on_each_other_on_a_round_scale() -> None:
    sent = Series(name="sent", values=[30, 0], tone=Tone.GOOD)
    failed = Series(name="failed", values=[5, 2], tone=Tone.BAD)
    skipped = Series(name="skipped", values=[0, 1], tone=Tone.QUIET)

    chart = draw(title="Mails", labels=["08:00", "09:00"], columns=[sent, failed, skipped])

    assert "<span>40</span><span>20</span><span>0</span>" in chart
    assert "<title>08:00: 30 sent</title>" in chart
    assert 'y="30.00"' in chart, "30 of 40 are three quarters of 120"
    assert 'y="15.00"' in chart, "5 more stand on them"
    assert chart.count("<rect") == 4, "nothing is drawn for a zero"


def test_the_numbers_are_there_as_a_table() -> None:
    chart = draw(title="Events", labels=["Mon"], lines=[Series(name="events", values=[1234])])

    assert '<th scope="row">Mon</th>' in chart
    assert "<td>1,234</td>" in chart


def test_few_labels_stand_below_many_columns() -> None:
    labels = [f"day {number}" for number in range(30)]

    chart = draw(title="Events", labels=labels, columns=[Series(name="events", values=[1] * 30)])

    below = chart.split("cueline-marks")[1].split("</div>")[0]
    assert below.count("day ") <= 7
    assert ">day 0</span>" in below
    assert below.count("</span>") == 30, "each slot has its place, so that a label stands below it"


def test_a_time_without_numbers_is_said_in_words() -> None:
    chart = draw(title="Events", labels=["Mon"], columns=[Series(name="events", values=[0])])

    assert "Nothing in this time." in chart
    assert "<svg" not in chart


def test_names_from_outside_are_escaped() -> None:
    chart = draw(title="<script>", labels=["<b>"], columns=[Series(name="<i>", values=[1])])

    assert "<script>" not in chart
    assert "<b>" not in chart
    assert "<i>" not in chart


def test_a_series_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one value for each label"):
        draw(title="Events", labels=["Mon", "Tue"], lines=[Series(name="events", values=[1])])
