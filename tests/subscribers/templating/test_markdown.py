"""Markdown bodies: merge tags survive, and nothing in them becomes HTML that was not meant."""

import pytest

from subscribers.templating import markdown
from subscribers.templating.mail import TemplateFault, check, render

DATA = {
    "subscriber": {"firstName": "*Ada* [x](https://evil.example) <b>"},
    "event": {"items": [{"name": "Tea"}, {"name": "Cup"}], "url": '"><script>alert(1)</script>'},
    "unsubscribeUrl": "https://acme.example/u/1?a=1&b=2",
}


def html_of(source: str) -> str:
    return render(markdown.to_html(source), DATA, is_html=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# Hi {{subscriber.lastName|friend}}", "<h1>Hi friend</h1>\n"),
        ('Hi {{ subscriber.lastName | default: "my_dear_friend" }}', "<p>Hi my_dear_friend</p>\n"),
        (
            "[Leave]({{unsubscribeUrl}})",
            '<p><a href="https://acme.example/u/1?a=1&amp;b=2">Leave</a></p>\n',
        ),
        (
            "[Go](https://x.example/{{event.items[0].name}}?a=1)",
            '<p><a href="https://x.example/Tea?a=1">Go</a></p>\n',
        ),
        ("![Logo](https://x.example/{{event.items.size}}.png)",
         '<p><img src="https://x.example/2.png" alt="Logo" /></p>\n'),
        ("**{{event.items[1].name}}** and *so*", "<p><strong>Cup</strong> and <em>so</em></p>\n"),
        ("Yes\n{% if event.items.size > 1 %}\nMany\n{% endif %}\nDone",
         "<p>Yes</p>\n\n<p>Many</p>\n\n<p>Done</p>\n"),
        ("{% for item in event.items %}{{item.name}} {% endfor %}", "<p>Tea Cup </p>\n"),
        ("{% raw %}{{ a }}{% endraw %}", "<p>{{ a }}</p>\n"),
        ("&#109;ergetag5v %6dergetag7v", "<p>mergetag5v %6dergetag7v</p>\n"),
        ("mergetag0v {{event.items.size}}", "<p>mergetag0v 2</p>\n"),
        ("`{{event.items.size}}`", "<p><code>2</code></p>\n"),
    ],
)  # fmt: skip
def test_merge_tags_survive(source: str, expected: str) -> None:
    assert html_of(source) == expected


def test_a_loop_over_list_items_is_well_formed() -> None:
    made = html_of("{% for item in event.items %}\n- {{item.name}}\n{% endfor %}")

    assert made.replace("\n", "") == "<ul><li>Tea</li></ul><ul><li>Cup</li></ul>"


def test_a_table_may_hold_tags_with_fallbacks() -> None:
    made = html_of("| a | b |\n|---|---|\n| {{event.x|none}} | {{event.items.size}} |")

    assert "<td>none</td>\n<td>2</td>" in made


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "{% raw %}<script>alert(1)</script>{% endraw %}",
        "{% if event.items %}<script>alert(1)</script>{% endif %}",
        "{{event.none|<script>}}",
        "{{ '<script>' }}",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](javascript:{{event.url}})",
        "[x](vbscript:a)",
        "[x](data:text/html,<script>alert(1)</script>)",
        '[x](https://a.example "t\\" onmouseover=alert(1)")',
        "<javascript:alert(1)>",
        "![x](javascript:alert(1))",
        "{{event.url}}",
        "[x]({{event.url}})",
        '[x](https://a.example "{{event.url}}")',
        "![{{event.url}}](https://a.example/x.png)",
        "```{{event.url}}\nx\n```",
    ],
)
def test_nothing_hostile_becomes_markup(hostile: str) -> None:
    made = html_of(hostile)

    assert "<script" not in made
    assert "<img src=x" not in made
    assert 'href="javascript' not in made.lower()
    assert 'src="javascript' not in made.lower()
    assert 'href="vbscript' not in made
    assert 'href="data:' not in made
    assert '" onmouseover' not in made


def test_what_people_are_called_is_no_markdown() -> None:
    assert html_of("Hi {{subscriber.firstName}}") == (
        "<p>Hi *Ada* [x](https://evil.example) &lt;b&gt;</p>\n"
    )


def test_the_html_is_a_template_for_every_construct() -> None:
    source = "\n\n".join(
        (
            "# {{event.a}}", "> {{event.b}}", "1. {{event.c}}", "    {{event.d}}",
            "[{{event.e}}]: https://x.example", "***{{event.f}}***", "{{event.g}}\n===",
        )
    )  # fmt: skip

    paths = check(markdown.to_html(source)).paths

    assert {f"event.{letter}" for letter in "abcdfg"} <= paths


@pytest.mark.parametrize("opening", ["{{", "{%", "{% raw ", "{% raw %}", "{% comment %}"])
def test_tags_that_never_end_take_no_time(opening: str) -> None:
    """In quadratic time they would take minutes."""
    source = opening * (markdown.MOST_BYTES // len(opening))

    made = markdown.to_html(source)

    with pytest.raises(TemplateFault):
        check(made)


def test_a_tag_after_one_that_never_ends_is_left_alone() -> None:
    assert markdown.to_html("{{event.a}} {% raw %} *b* {{event.c}}") == (
        "<p>{{event.a}} {% raw %} <em>b</em> {{event.c}}</p>\n"
    )


def test_raw_text_and_comments_are_kept_as_they_are() -> None:
    source = "{%- raw %}*a* {{b}} {%- endraw -%} {% comment %}*x*{% endcomment %}{{event.c}}"

    assert markdown.to_html(source) == f"<p>{source}</p>\n"
