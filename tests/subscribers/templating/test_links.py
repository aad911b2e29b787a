"""Links of a mail are found where a mail program would show them, and nowhere else."""

import pytest

from subscribers.templating import links

HTML = [
    ('<a href="https://a.example/x">x</a>', ["https://a.example/x"]),
    ("<A class=b HREF='http://a.example/?a=1&amp;b=2'>x</A>", ["http://a.example/?a=1&b=2"]),
    ("<a href=https://a.example/x>x</a>", ["https://a.example/x"]),
    ('<area shape="rect"\n href = " https://a.example/x ">', ["https://a.example/x"]),
    ('<a title="href=\'https://b.example\'" href="https://a.example">x</a>', ["https://a.example"]),
    ('<a data-href="https://b.example" href="https://a.example">x</a>', ["https://a.example"]),
    ('<a href="https://a.example" href="https://b.example">x</a>', ["https://a.example"]),
    # Not certainly a link, or none of the web.
    ('<a href="mailto:a@b.example">x</a><a href="tel:1">x</a><a href="#top">x</a>', []),
    ('<a href="//a.example">x</a><a href="/x">x</a><a href="javascript:alert(1)">x</a>', []),
    ('<a href="https://a.example/x>y">x</a>', []),
    ('<a href="https://a.example/\nx">x</a><a href="https://a.example/a b">x</a>', []),
    ('<a href="https://a.example/' + "x" * 2000 + '">x</a>', []),
    ('<a href>x</a><a>x</a><abbr href="https://a.example">x</abbr>', []),
    ('<img src="https://a.example/x.png"><link href="https://a.example/x.css">', []),
    ("https://a.example", []),
    ('<a href="&#' + "9" * 5000 + ';">x</a>', []),
]
TEXT = [
    ("See https://a.example/x.", ["https://a.example/x"]),
    ("Read (https://a.example/x), or https://b.example!", ["https://a.example/x", "https://b.example"]),
    ("https://a.example/Foo_(bar)", ["https://a.example/Foo_(bar)"]),
    ("<https://a.example/x?a=1&b=2>", ["https://a.example/x?a=1&b=2"]),
    ("mailto:a@b.example and ftp://a.example and www.a.example", []),
]  # fmt: skip


@pytest.mark.parametrize(("source", "found"), HTML)
def test_links_of_html(source: str, found: list[str]) -> None:
    seen: list[str] = []

    def note(url: str) -> str:
        seen.append(url)
        return url

    kept = links.replace_in_html(source, note)

    assert seen == found
    assert kept == source


@pytest.mark.parametrize(("source", "found"), TEXT)
def test_links_of_text(source: str, found: list[str]) -> None:
    seen: list[str] = []

    def note(url: str) -> str:
        seen.append(url)
        return url

    kept = links.replace_in_text(source, note)

    assert seen == found
    assert kept == source


def test_a_replaced_link_leaves_everything_else_as_it_was() -> None:
    html = "<p><a class='b' href='https://a.example/?a=1&amp;b=2' style=\"x:y\">x</a></p>"
    text = "Read (https://a.example/x)."

    new_html = links.replace_in_html(html, lambda _: "https://us.example/r/1&2")
    new_text = links.replace_in_text(text, lambda _: "https://us.example/r/1")

    wanted = '<p><a class=\'b\' href="https://us.example/r/1&amp;2" style="x:y">x</a></p>'
    assert new_html == wanted
    assert new_text == "Read (https://us.example/r/1)."


@pytest.mark.parametrize(
    "piece", ["<a ", "<a href=", '<a href="', "<a x=y ", "https://a.example/", ")", "href=' "]
)
def test_hostile_text_ends(piece: str) -> None:
    """In quadratic time it would take minutes."""
    long = piece * (500_000 // len(piece))

    for source in (long, f"<a {long}>", f"https://a.example/{long}"):
        assert links.replace_in_html(source, lambda url: url) == source
        assert links.replace_in_text(source, lambda url: url) == source
