"""The work of one rendering is bounded by all that it touches, however deep that is."""

import time
from typing import Any

import pytest

from subscribers.templating.mail import TemplateFault
from subscribers.templating.merge_tags import render

# 64 KiB of properties hold as many.
MANY = 8_000
DATA: dict[str, Any] = {
    "event": {
        "nested": [list(range(MANY))],
        "copy": [list(range(MANY))],
        "pairs": [[number] for number in range(MANY)],
        "pairs_again": [[number] for number in range(MANY)],
        "numbers": list(range(3_000, 0, -1)),
        "texts": [f"k{number:05}" for number in range(3_000)],
        "objects": [{"a": 1}] * 4_000,
        "empties": [{}] * MANY,
        "keys": ["abc"] * MANY,
    }
}
# Far above what any rendering needs, far below what an unbounded one took (6 to 25 s).
MOST_SECONDS = 3


def looped(body: str, *, times: int = 2_000) -> str:
    return f"{{% for i in (1..{times}) %}}{body}{{% endfor %}}"


@pytest.mark.parametrize(
    "template",
    [
        looped("{{ event.nested" + "| uniq " * 20 + "| size }}", times=200),
        looped("{{ event.numbers | sort | size }}"),
        looped("{{ event.texts | sort | size }}"),
        looped("{{ event.objects | sort: 'a' | size }}"),
        looped("{{ event.objects | uniq: 'a' | size }}"),
        looped("{% if event.nested == event.copy %}{% endif %}"),
        looped("{% if event.pairs == event.pairs_again %}{% endif %}"),
        looped("{% if event.pairs contains event.nested %}{% endif %}"),
        looped("{% case event.pairs %}{% when event.pairs_again, event.copy %}x{% endcase %}"),
        looped("{{ event.nested | join | size }}"),
        looped("{% assign x = event.nested | strip %}"),
        looped("{{ (1..10000) | first }}"),
        looped("{{ '2026-01-01' | date: '" + "%j" * 50 + "' | size }}"),
        "{% assign x = 'a<b>' %}"
        + looped("{% assign x = x | append: x %}", times=16)
        + looped("{{ x | strip_html | size }}", times=100),
    ],
)
def test_work_beyond_the_limit_is_refused(template: str) -> None:
    began = time.process_time()

    with pytest.raises(TemplateFault, match="handles too much"):
        render(template, DATA, is_html=True)

    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("name", ["map", "where", "sort", "uniq"])
def test_a_list_in_the_place_of_a_field_s_name_is_read_once(name: str) -> None:
    began = time.process_time()

    render(f"{{{{ event.empties | {name}: event.keys | size }}}}", DATA, is_html=True)

    assert time.process_time() - began < MOST_SECONDS


def test_an_order_of_many_lines_is_rendered() -> None:
    line = {"name": "A long name of a product", "price": 12.5, "tags": ["new", "red"], "sku": "A-7"}
    data = {"event": {"order": {"lines": [line] * 200}}}
    template = (
        "{% assign lines = event.order.lines | sort: 'price' %}{{ lines | size }}"
        "{% for line in lines %}"
        "{% if line.tags contains 'red' %}{{ line.name | upcase }}{% endif %}"
        "{{ line.price | times: 1.19 | round: 2 }}{% if event.order.lines.size > 3 %}!{% endif %}"
        "{% endfor %}"
    )

    assert render(template, data, is_html=True).count("A LONG NAME") == 200
