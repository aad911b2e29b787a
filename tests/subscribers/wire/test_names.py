"""Signs that cannot be seen in a name."""

import sys
import unicodedata

import pytest

from subscribers.wire import names, tag_names

UNSEEN = [
    "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
    "\u202e", "\u2060", "\u2061", "\u2064", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff",
    "\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u180e", "\u2800", "\u3164",
    "\ufe00", "\ufe0f", "\uffa0", "\ufffb", "\U0001d173", "\U000e0041", "\U000e0100",
    "\u070f", "\ufff9", "\ufffc", "\U00013430", "\U0001343f", "\U00013441", "\U00013442",
    "\U00016fe4", "\U0001d159",
]  # fmt: skip
# Prepended to digits, and shown around them.
NUMBER_SIGNS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u0890\u0891\u08e2\U000110bd\U000110cd"


@pytest.mark.parametrize("sign", UNSEEN)
@pytest.mark.parametrize("form", ["sign{}up", "signup{}", "{}signup", "é{}é"])
def test_a_sign_that_cannot_be_seen_is_found(sign: str, form: str) -> None:
    assert names.find_unseen(form.format(sign)) == f"U+{ord(sign):04X}"


@pytest.mark.parametrize(
    "name",
    [
        "signup", "sign up", "order.placed", "Ünïcode", "注文", "주문", "تسجيل", "สมัคร", "हिन्दी",
        # Persian and the scripts of India join and part letters.
        "\u0645\u06cc\u200c\u062e", "क्\u200dष", "क्\u200cष", "ശ്\u200d",
        # Emoji: professions, families, flags, hearts, keycaps, skin tones, a shaken head.
        "👩\u200d💻", "👩🏽\u200d🚀", "👨\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3", "☎\ufe0e", "‼\ufe0f", "🙂\u200d↔\ufe0f", "🇩🇪",
    ],
)  # fmt: skip
def test_what_the_world_writes_with_is_taken(name: str) -> None:
    assert names.find_unseen(name) is None


def test_every_format_character_but_the_signs_of_numbers_is_found() -> None:
    signs = [chr(code) for code in range(sys.maxunicode + 1)]
    formats = [sign for sign in signs if unicodedata.category(sign) == "Cf"]
    taken = [sign for sign in formats if not names.find_unseen(f"a{sign}b")]

    assert taken == [
        sign for sign in formats if "\u0600" <= sign <= "\u0605" or sign in NUMBER_SIGNS
    ]


@pytest.mark.parametrize("sign", NUMBER_SIGNS)
def test_a_sign_of_numbers_is_seen(sign: str) -> None:
    assert names.find_unseen(f"{sign}\u0661") is None


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("sign up", "sign up"), (" sign  up ", "sign up"), ("sign\u00a0up", "sign up"),
        ("\u3000会員\u3000登録", "会員 登録"), ("a\u2000\u2009b\u202f!", "a b !"), ("\u00a0", ""),
    ],
)  # fmt: skip
def test_every_run_of_blanks_is_one_space(name: str, plain: str) -> None:
    assert names.plain(name) == plain


@pytest.mark.parametrize(
    "name", ["می\u200c", "\u200cخ", "a\u200cخ", "👩\u200d", "\ufe0f❤", "\u200d", "\ufe0f"]
)
def test_a_joiner_without_what_it_joins_is_found(name: str) -> None:
    assert names.find_unseen(name)


@pytest.mark.parametrize("sign", UNSEEN)
def test_tags_that_look_the_same_are_the_same(sign: str) -> None:
    assert tag_names.normalise(f"vi{sign}p{sign}") == "vip"
