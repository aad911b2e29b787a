"""The layout of mails: what is refused, and how a mail stands in it."""

from typing import Any

import pytest

from subscribers.templating import layout
from subscribers.templating.mail import Footer, RenderedMail, TemplateFault, render_mail

PAGE = (
    "<html><head><style>.card { color: #112233 }</style></head><body>"
    '<div class="card">{{workspace.name}}{{content}}</div>'
    '<a href="{{unsubscribeUrl}}">Leave</a></body></html>'
)
URL = "https://acme.example/u/1"
DATA = {
    "subscriber": {"firstName": "<b>Ada</b>"},
    "workspace": {"name": "Acme & Co"},
    "unsubscribeUrl": URL,
}
FOOTER = Footer(url=URL, html=f'<a href="{URL}">Out</a>', text=f"Out: {URL}")


def rendered(html: str, *, around: str = PAGE, **parts: Any) -> RenderedMail:
    return render_mail(
        **{
            "subject": "Hi", "preview_text": "Look", "html": html, "text": "", "data": DATA,
            "layout": around, **parts,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    "good",
    [
        PAGE, "{{content}}", "{{ content }}", "{{-content -}}",
        "{% if subscriber.firstName %}Hi{% endif %}<td>{{content}}</td>{% raw %}{% endraw %}",
    ],
)  # fmt: skip
def test_a_layout_with_one_place_is_good(good: str) -> None:
    layout.check(good)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("<p>no place</p>", "it is missing"),
        ("{{content}} and {{ content }}", "it is there 2 times"),
        ("{{content|upcase}}", "it is missing"),
        ("<p>\n{{content}}\n{{password}}</p>", "Line 3: 'password' is not known"),
        ("{{content}}{{subscriber.first}}", "did you mean subscriber.firstName?"),
        ("{{content}}{{DOUBLE_OPT_IN_URL}}", "is not known"),
        ("{% if subscriber.firstName %}{{content}}{% endif %}", "stands within a {%"),
        ("{% for i in (1..3) %}{{content}}{% endfor %}", "stands within a {%"),
        ("{% assign a = 1 %}{{content}}{{a}}", "stands within a {%"),
        ("{% raw %}{{content}}{% endraw %}", "stands within a {%"),
        ("{% comment %}{{content}}{% endcomment %}", "stands within a {%"),
        ("<!-- {{content}} -->", "nobody would see it"),
        ("<style>{{content}}</style>", "nobody would see it"),
        ('<p title="{{content}}">', "nobody would see it"),
        ("{{content}}{% if %}", "Line 1"),
        ("{{content}}" + "x" * layout.MOST_BYTES, "at most 65,536"),
    ],
)
def test_a_wrong_layout_is_refused_in_words(wrong: str, words: str) -> None:
    with pytest.raises(TemplateFault, match=r".") as caught:
        layout.check(wrong)

    assert words in str(caught.value)


def test_a_mail_stands_in_the_layout_with_its_values_escaped() -> None:
    mail = rendered('<p class="card">{{subscriber.firstName}}</p>', footer=FOOTER)

    # The layout's styles reach the mail, and the preview text comes first in the body.
    assert 'Acme &amp; Co<p class="card" style="color: #112233;">&lt;b&gt;Ada&lt;/b&gt;</p>' in (
        mail.html
    )
    assert mail.html.index("Look") < mail.html.index("Acme")
    # The layout's link to leave is enough, in both parts.
    assert (mail.html.count(URL), mail.text.count(URL)) == (1, 1)
    assert mail.text == f"Acme & Co\n\n<b>Ada</b>\n\nLeave ({URL})"


def test_without_the_layout_s_link_the_footer_comes_last() -> None:
    mail = rendered("<p>Hello</p>", around="<body><i>{{content}}</i></body>", footer=FOOTER)

    assert mail.html.endswith(f'<p>Hello</p></i><a href="{URL}">Out</a></body>')
    assert mail.text.endswith(f"Out: {URL}")


def test_text_of_its_own_and_text_alone_have_no_layout() -> None:
    assert rendered("<p>Hello</p>", text="Hello").text == "Hello"
    assert rendered("", text="Hello").html == ""


def test_a_mail_that_says_nothing_stays_blank_in_a_layout() -> None:
    mail = rendered("<p> </p>", subject="", preview_text="", footer=FOOTER)

    assert (mail.html, mail.text) == ("", "")


def test_a_value_cannot_take_the_place_of_the_mail() -> None:
    data = {**DATA, "workspace": {"name": "{{content}}"}}

    mail = rendered("<p>Hello</p>", around="{{workspace.name}}|{{content}}", data=data)

    assert mail.html.endswith("{{content}}|<p>Hello</p>")


def test_a_fault_of_the_layout_is_called_so() -> None:
    with pytest.raises(TemplateFault, match="The workspace's layout: "):
        rendered("<p>Hello</p>", around="{% if %}{{content}}")


@pytest.mark.parametrize(
    ("html", "is_document"),
    [("<!DOCTYPE html><p>", True), ("\n<HTML lang=en>", True), ("<p>&lt;html&gt;</p>", False)],
)
def test_a_whole_page_is_told_from_a_part(html: str, *, is_document: bool) -> None:
    assert layout.is_document(html) is is_document
