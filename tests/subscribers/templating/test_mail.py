"""What users' templates may do, their limits, and the mail that results."""

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.templating import html as mail_html
from subscribers.templating import mail as rendering
from subscribers.templating import merge_tags
from subscribers.templating.mail import RenderedMail, TemplateFault, check, render, render_mail

MOST = 512 * 1024
DATA: Mapping[str, Any] = {
    "subscriber": {"firstName": "Ada", "attributes": {"plan": "pro", "blank": " "}},
    "event": {
        "order": {"id": 7, "total": 12.5, "limit": 3, "for": 3},
        "items": [{"name": "Tea", "price": 3}, {"name": "Cup", "price": 9}],
        "html": '<b title="x">\'&',
        "zero": 0,
        "no": False,
        "long": "x" * 60_000,
    },
    "workspace": {"name": "Acme"},
    "unsubscribeUrl": "https://acme.io/u?a=1&b=2",
}


def text(template: str, data: Mapping[str, Any] = DATA) -> str:
    return render(template, data, is_html=False)


def page(template: str, data: Mapping[str, Any] = DATA) -> str:
    return render(template, data, is_html=True)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{subscriber.firstName}} {{ event.order.id }}", "Ada 7"),
        ("{{subscriber.attributes.plan}}|{{workspace.name}}", "pro|Acme"),
        ("{{ event.items[1].name }}{{ event['order'].total }}", "Cup12.5"),
        ("{{ event.order.limit }}{% if event.order.for == 3 %}{{ '.for' }}{% endif %}", "3.for"),
        ("{% for i in (1..event.order.limit) limit: 2 %}{{ i }}{% endfor %}", "12"),
        ("{{ event.nothing.at.all }}{{ subscriber.x[3] }}.", "."),
        ("{{ event }}{{ event.items }}{{ event.no }}{{ event.zero }}", "false0"),
        ("{% if event.order.id > 5 and subscriber.firstName %}a{% else %}b{% endif %}", "a"),
        ("{% unless event.no %}a{% endunless %}", "a"),
        ("{% case event.order.id %}{% when 7, 7, 7 %}a{% else %}b{% endcase %}", "a"),
        ("{% for i in event.items %}{{forloop.index}}{{i.name}} {% endfor %}", "1Tea 2Cup "),
        ("{% for i in event.none %}x{% else %}none{% endfor %}", "none"),
        ("{% for i in (1..9) reversed %}{% if i < 7 %}{% break %}{% endif %}{{i}}{% endfor %}",
         "987"),
        ("{% for i in (1..9) limit: 2 offset: 3 %}{{i}}{% endfor %}", "45"),
        ("{% for i in (1..9) limit: 2 %}{% endfor %}{% for i in (1..9) offset: continue %}{{i}}{% endfor %}",  # noqa: E501 - one template
         "3456789"),
        ("{% assign n = event.items | size %}{{ n }}", "2"),
        ("a {%- if true -%} b {%- endif -%} c", "abc"),
        ("{% raw %}{{ x }}{% endraw %}{% comment %}{{ {% endcomment %}{% # note %}.", "{{ x }}."),
    ],
)  # fmt: skip
def test_what_a_template_prints(template: str, expected: str) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ 'a' | append: 'b' | prepend: 'c' | upcase }}", "CAB"),
        ("{{ 'ADA l' | downcase | capitalize }}", "Ada l"),
        ("{{ ' a ' | strip }}{{ 'abcdef' | truncate: 5 }}{{ 'abcdef' | slice: 1, 2 }}", "aab...bc"),
        ("{{ 'abc' | slice: -2, 9 }}{{ 'a-b' | replace: '-', '+' }}", "bca+b"),
        ("{{ 'b,a,b' | split: ',' | uniq | sort | join: '/' }}", "a/b"),
        ("{{ event.items | map: 'name' | reverse | join: ', ' }}", "Cup, Tea"),
        ("{{ event.items | where: 'name', 'Cup' | first | size }}", "2"),
        ("{{ 0.1 | plus: 0.2 }} {{ '3' | times: 2 }} {{ 7 | divided_by: 2 }}", "0.3 6 3"),
        ("{{ 7 | modulo: 4 | minus: 5 }} {{ 2.345 | round: 2 }} {{ 1.2 | ceil }}", "-2 2.35 2"),
        ("{{ event.none | times: 3 }}{{ event.none | default: 'd' }}", "d"),
        ("{{ event.no | default: 'd' }}{{ event.no | default: 'd', allow_false: true }}", "dfalse"),
        ("{{ '2026-03-04T15:06:07Z' | date: '%Y-%m-%-d %-I:%M %p %b' }}", "2026-03-4 3:06 PM Mar"),
        ("{{ 86400 | date: '%F' }}{{ 'soon' | date: '%F' }}", "1970-01-02soon"),
        ("{{ 'a b&ü' | url_encode }}{{ '<p>a</p><style>x</style>b' | strip_html }}",
         "a+b%26%C3%BCab"),
    ],
)  # fmt: skip
def test_filters(template: str, expected: str) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{event.city|your area}}", "your area"),
        ("{{ event.city | your area }}", "your area"),
        ("{{subscriber.firstName|friend}}", "Ada"),
        ("{{subscriber.attributes.blank|none}}", "none"),
        ("{{event.zero|none}}{{event.no|none}}", "0false"),
        ("{{event.city|it's \"here\": 50% <now> ü}}", "it's \"here\": 50% <now> ü"),
        ("{{event.city|\" a|b \"}}{{event.city|'c'}}", " a|b c"),
        ('{{event.city|"a" or "b"}}', '"a" or "b"'),
        ("{{event.city|first class}}{{event.city|'first'}}", "first classfirst"),
        ("{{event.city|upcase}}{{event.city | default: 'y'}}", "y"),
        ("{{event.city|}}{{ event.city | }}.", "."),
        ("{{event.city|a &amp; b}}", "a & b"),
        ("{{event['a|b']|none}}", "none"),
    ],
)  # fmt: skip
def test_text_after_a_single_pipe_stands_for_a_blank_value_unless_it_is_a_filter(
    template: str, expected: str
) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{event.html}}", "&lt;b title=&quot;x&quot;&gt;&#x27;&amp;"),
        ("{{event.html|escape}}", "&lt;b title=&quot;x&quot;&gt;&#x27;&amp;"),
        ("{{ '<a\n' | newline_to_br }}", "&lt;a<br>\n"),
        ("{{ '<' | escape | replace: '&lt;', '<' }}", "&lt;"),
        ("{% assign a = event.html | slice: 0 %}{{ a }}", "&lt;"),
        ("{{ event.html | split: 't' | first }}", "&lt;b "),
        ("{{event.city|<i>a &amp; b}}", "&lt;i&gt;a &amp; b"),
        ("<i>{{event.order.id}}</i>", "<i>7</i>"),
    ],
)
def test_html_escapes_each_value_once_and_nothing_marks_it_safe(
    template: str, expected: str
) -> None:
    assert page(template) == expected


def test_a_check_names_what_the_template_reads_without_its_own_variables() -> None:
    tags = check(
        "{{subscriber.firstName|you}}{% assign x = event.order.id %}{{x}}"
        "{% for i in event.items %}{{i.name}}{% if workspace.name %}{% endif %}{% endfor %}"
        "{{DOUBLE_OPT_IN_URL}}"
    )

    assert tags.paths == {
        "subscriber.firstName", "event.order.id", "event.items", "workspace.name",
        "DOUBLE_OPT_IN_URL",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        ("a\n{{ event. }}", 2, "expected an identifier"),
        ("\n\n{% if event.a %}\n", 3, "'if' is never closed"),
        ("{{ event.a", 1, "never closed"),
        ("\n{% raw %}", 2, "never closed"),
        ("{% comment %}", 1, "never closed"),
        ("{% endif %}", 1, "closes no 'if'"),
        ("{% if event.a %}{% endfor %}", 1, "closes no 'for'"),
        ("{% break %}", 1, "outside of its block"),
        ("\n{{ user.name }}", 2, "known are subscriber, event, workspace"),
        ("{{ now }}", 1, "'now' is not known"),
        ("{{ forloop.index }}", 1, "'forloop' is not known"),
        ("{{ event.a | upcase | shout }}", 1, "filter 'shout' is not available"),
        ("{{ event.a | safe }}", 1, "filter 'safe' is not available"),
        ("{{ event.a | one | two }}", 1, "is not available"),
        ("{% assign a = event.a | json %}", 1, "filter 'json' is not available"),
        ("\n{{ event.a | append }}", 2, "too few or too many arguments"),
        ("{{ event.a | upcase: 1 }}", 1, "too few or too many arguments"),
        *[
            (f"\n{{% {tag} 'x' %}}", 2, f"the tag '{tag.split()[0]}' is not available")
            for tag in ("include", "render", "extends", "macro", "tablerow", "increment", "echo",
                        "liquid", "capture", "cycle", "load", "block", "with")
        ],
    ],
)  # fmt: skip
def test_a_fault_names_the_line_and_what_is_wrong(template: str, line: int, message: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        check(template)

    assert (caught.value.line, caught.value.code) == (line, "TEMPLATE_ERROR")
    assert str(caught.value).startswith(f"Line {line}: ")
    assert message in str(caught.value)


HOSTILE = {
    "nested loops": "{% for a in (1..150) %}{% for b in (1..150) %}{% for c in (1..150) %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "loops in a row": "{% for a in (1..1500) %}{% endfor %}{% for a in (1..1500) %}{% endfor %}",
    "a long range": "{% for a in (1..20000000) %}x{% endfor %}",
    "a long range, reversed": "{% for a in (1..20000000) reversed %}x{% endfor %}",
    "a range beyond 64 bits": "{% for a in (1..99999999999999999999999) %}x{% endfor %}",
    "a range as a list": "{{ (1..20000000) | join }}",
    "chained replace": "{{ 'a' " + "| replace: 'a', 'aaaaaaaaaa' " * 60 + "}}",
    "doubling": "{% assign s = 'x' %}" + "{% assign s = s | append: s %}" * 40,
    "splitting": "{{ event.long | split: '' | join: event.long }}",
    "joining": "{{ event.long | slice: 0, 9000 | split: '' | join: event.long }}",
    "a huge slice": "{{ 'x' | slice: 0, 9999999999999999999999 }}",
    "a huge truncate": "{{ 'x' | truncate: 9999999999999999999999 }}",
    "a wide date": "{{ '2026-01-01' | date: '%1000000000d' }}",
    "a long date": "{{ '2026-01-01' | date: event.long }}",
    "escaping a lot": "{% assign a = '&' %}" + "{% assign a = a | escape %}" * 9
    + "{% for i in (1..2000) %}{{ event.long | upcase | url_encode }}{% endfor %}",
    "reading a lot": "{% for i in (1..2000) %}{% if event.long contains event.long %}{% endif %}"
    "{% endfor %}",
    "printing a lot": "{% for i in (1..2000) %}{{ event.long }}{% endfor %}",
    "many steps": "{% for i in (1..2000) %}" + "{{ event.none }}" * 1900 + "{% endfor %}",
    "deep blocks": "{% if true %}" * 500 + "{% endif %}" * 500,
    "a deep condition": "{% if " + "event.a and " * 150 + "1 %}{% endif %}",
    "deep brackets": "{{ event" + "[event" * 200 + "]" * 200 + " }}",
    "a megabyte": "x" * 1_000_000,
    "many tags": "{{ event.a }}" * 30_000,
    "blanks after the braces": "{{" + " " * 500_000,
    "blanks within the braces": "{{" + " " * 500_000 + "}}",
    "many raws": "{% raw %}" * 50_000,
    "a comment of braces": "{% comment %}" + "{{" * 200_000,
    "half a surrogate": "{{ event.a }}\ud800",
    "a number of 1,900 digits": "{% for i in (1..1" + "0" * 1_900 + ") %}{% endfor %}",
}  # fmt: skip


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_ends_with_a_fault(template: str) -> None:
    with pytest.raises(TemplateFault):
        page(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ event.__class__.__mro__ }}{{ event.items.__len__ }}{{ event.long.__class__ }}",
        "{{ event.order.keys }}{{ event.order.items }}{{ event.long.upper }}",
        "{{ event['__init__']['__globals__'] }}{{ event[event] }}{{ event[event.items] }}",
        "{% assign a = event.items %}{{ a._pieces }}{{ a.append }}{{ event.items[9999999999] }}",
    ],
)
def test_no_template_reaches_an_attribute_or_a_method(template: str) -> None:
    assert text(template) == ""


def test_a_when_with_many_equal_values_renders_once_each_level() -> None:
    whens = ",".join("1" * 500)
    template = f"{{% case 1 %}}{{% when {whens} %}}" * 15 + "x" + "{% endcase %}" * 15

    assert text(template) == "x"


def test_as_many_iterations_and_as_much_text_as_the_limits_allow_are_rendered() -> None:
    loops = "{% for a in (1..40) %}{% for b in (1..48) %}x{% endfor %}{% endfor %}"

    assert text(loops) == "x" * 1920
    assert len(text("{{ event.long }}" * 8)) == 480_000
    assert len(text("x" * MOST)) == MOST


@given(st.text(alphabet="{}%|'\"-[].:<& \nab1éforinif", max_size=60))
def test_any_text_is_a_template_or_a_fault(template: str) -> None:
    try:
        rendered = render("{{ event" + template, DATA, is_html=True)
    except TemplateFault as fault:
        rendered = str(fault)

    assert isinstance(rendered, str)


@given(st.text(max_size=50))
def test_no_value_opens_a_tag_in_html(value: str) -> None:
    data = {"event": {"a": value.encode("utf-8", "replace").decode()}}

    rendered = page(
        '<p title="{{event.a}}">{{event.a|x}}{% for i in event.a %}{{i}}{% endfor %}', data
    )

    assert (rendered.count("<"), rendered.count('"')) == (1, 2)


class _Opaque(str):
    """A text with a method of its own, as a framework's safe text is."""

    __slots__ = ()


@pytest.mark.parametrize("value", [object(), (1,), {1: 2}, _Opaque("x"), b"x", {"a": [{1}]}])
def test_data_other_than_plain_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        text("x", {"event": {"a": value}})


def test_a_template_is_compiled_once() -> None:
    template = "{{ event.order.id }}" * 1_500

    text(template)
    before = merge_tags._compile.cache_info()
    text(template)
    after = merge_tags._compile.cache_info()

    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
    assert after.maxsize is not None


def mail(**given_parts: str) -> RenderedMail:
    parts: dict[str, Any] = {
        "subject": "s",
        "preview_text": "",
        "html": "",
        "text": "",
        **given_parts,
    }
    data = {"subscriber": {"firstName": "A\r\nBcc: x@b.io\x00\u2028<b>"}}
    return render_mail(data=data, **parts)


def test_subject_and_preview_are_one_line_whatever_the_data_hold() -> None:
    made = mail(subject=" a\n{{subscriber.firstName}}\t\x85 ", preview_text="\n{{subscriber.x}}\n")

    assert made.subject == "a A Bcc: x@b.io <b>"
    assert made.preview_text == ""
    assert len(mail(subject="xy" * 1_000).subject) == 998


@given(st.text(max_size=60))
def test_a_header_text_can_be_put_into_a_header(value: str) -> None:
    message = EmailMessage(policy=SMTP)

    message["Subject"] = rendering.header_text(value)

    assert len(rendering.header_text(value).splitlines()) <= 1
    assert message.as_bytes().count(b"Subject:") == 1


def test_the_preview_is_the_first_hidden_element_of_the_body() -> None:
    made = mail(html='<html><BODY class="a"><p>x</p></BODY></html>', preview_text="<i> & you")

    assert '<BODY class="a"><div style="display:none;' in made.html
    assert "&lt;i&gt; &amp; you&#847;&zwnj;&nbsp;" in made.html
    assert made.text == "x"


def test_styles_are_inlined_and_rules_for_screens_kept() -> None:
    made = mail(html="<style>p{color:red}@media print{p{color:blue}}</style><p>x</p>")

    assert '<p style="color: red;">x</p>' in made.html
    assert "@media print" in made.html


@pytest.mark.parametrize(
    "html",
    [
        "<style>p{color:{{'{'}}{}}}</style><p style='}{'>x</p>",
        "<style>p{color:red}</style>" + "<div>" * 20_000,
        "<style>p{color:red}</style>" + "<table><td>" * 5_000,
        "<style>" + "p{a:b}" * 20_000 + "</style>" + "<p>" * 1_400,
    ],
    ids=["no CSS", "deep", "deep tables", "large"],
)
def test_html_that_cannot_be_inlined_is_sent_as_it_is(html: str) -> None:
    assert mail_html.inline_styles(html) == html


def test_no_style_sheet_is_loaded_from_a_file(tmp_path: Any) -> None:
    sheet = tmp_path / "a.css"
    sheet.write_text("p{color:red}")

    made = mail(
        html=f'<style>a{{b:c}}</style><link rel="stylesheet" href="file://{sheet}"><p>x</p>'
    )

    assert "<p>x</p>" in made.html


def test_text_is_made_of_the_html_where_none_is_given() -> None:
    made = mail(
        html="""<html><head><title>T</title><style>p{}</style></head><body><h1>Hi  &amp;
        you</h1><div><div>One<br>two</div></div><div>See <a href="https://x.io/?a=1&amp;b=2">the
        page</a>, <a href='mailto:a@x.io'>a@x.io</a>, <a href="#top">top</a>.</div>
        <ul><li>a</li><li>b</li></ul><script>evil()</script><!-- no <b>comment</b> -->
        <a href=https://y.io><img src=q alt="logo"></a></body></html>"""
    )

    assert made.text == (
        "Hi & you\n\nOne\ntwo\nSee the page (https://x.io/?a=1&b=2), a@x.io, top.\n\n"
        "- a\n- b\n\nlogo (https://y.io)"
    )


def test_a_given_text_is_rendered_unescaped_and_a_mail_of_text_has_no_html() -> None:
    made = mail(text="Hi {{subscriber.nick|<friend>}}")

    assert (made.html, made.text) == ("", "Hi <friend>")


def test_every_mail_has_a_text_part() -> None:
    assert mail(html='<img src="a.png">', subject="Look").text == "Look"


@pytest.mark.parametrize("part", ["<!--", "<a ", "</", "<a href=", "<", "<script>", "&#9", "<p "])
def test_text_of_hostile_html_is_found(part: str) -> None:
    assert isinstance(mail_html.to_text(part * 50_000), str)
