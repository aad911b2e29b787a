"""Exports of other products as hypothesis makes them, each with who had left in it."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from openpyxl import Workbook

from subscribers.rows.headers import OF_PEOPLE
from subscribers.rows.status_words import ACTIVE, GONE, PENDING, STATUS_BY_WORD, SUBSCRIBED

PEOPLE = 4
UNKNOWN = ("State", "Zustand", "Tipo", "col_7")
WORDS = sorted(STATUS_BY_WORD)
# A word that only --value explains.
OWN = "Karteileiche"
# Headers of columns that nothing reads, with yes where somebody left, or where nobody did.
SIGNS_OF_LEAVING = (
    "Blocked", "Do not contact", "No Email", "DND", "disabled", "spam", "Marked as junk",
)  # fmt: skip
SIGNS_OF_STAYING = (
    "active", "is_active", "enabled", "can_email", "newsletter", "Newsletter abonniert",
    "marketing", "receive_emails", "email_allowed",
)  # fmt: skip
YES, NO = ("yes", "TRUE", "1", "ja", "x"), ("no", "false", "0", "nein")
# What a cell says of its row's person.
LEFT, ASKED, STAYS = "left", "asked", "stays"


@dataclass(frozen=True)
class Row:
    person: int
    cell: str
    says: str


@dataclass(frozen=True)
class Export:
    """A column that says who left, the rows with its cells, and the options they need."""

    header: str
    rows: tuple[Row, ...]
    arguments: tuple[str, ...]
    address: str
    # Whether nothing says what the column is.
    is_lost: bool

    @property
    def gone(self) -> set[int]:
        return {row.person for row in self.rows if row.says == LEFT}

    @property
    def staying(self) -> set[int]:
        return {row.person for row in self.rows} - {
            row.person for row in self.rows if row.says != STAYS
        }

    def content(self, form: str, domain: str, *, bad_at: int | None = None, instead: str) -> bytes:
        """Return the file; before one of its rows there is one more, for `instead`."""
        rows = [self._row(f"p{row.person}@{domain}", row.cell) for row in self.rows]
        if bad_at is not None:
            rows.insert(bad_at, self._row(instead, ""))
        return encoded(rows, form)

    def _row(self, address: str, cell: str) -> dict[str, str]:
        return {self.address: address, "First Name": "Ann"} | (
            {self.header: cell} if self.header else {}
        )


@st.composite
def spelt(draw: st.DrawFn, word: str) -> str:
    """Return a word as products write it: in any case, with a sign between its letters."""
    if not word:
        return ""
    cut = draw(st.integers(1, max(len(word) - 1, 1)))
    sign = draw(st.sampled_from(["", " ", "-", "_"]))
    change = draw(st.sampled_from([str.upper, str.title, str.lower]))
    return change(f"{word[:cut]}{sign}{word[cut:]}")


@st.composite
def exports(draw: st.DrawFn) -> Export:
    kinds = [_status, _flag, _time, _whole, _mapped, _explained, _lost, _lost, _sign]
    kind = draw(st.sampled_from(kinds))
    header, cells, arguments = draw(kind())
    people = draw(st.lists(st.integers(0, PEOPLE - 1), min_size=1, max_size=6))
    rows = tuple(Row(number, *draw(cells)) for number in people)
    address = draw(st.sampled_from(["email", "E-Mail", "Email Address"]))
    return Export(header, rows, arguments, address, kind in {_lost, _sign})


# A header, its cells each with what they say, and options.
Column = tuple[str, st.SearchStrategy[tuple[str, str]], tuple[str, ...]]


def _words() -> st.SearchStrategy[tuple[str, str]]:
    def says(word: str) -> str:
        status = STATUS_BY_WORD.get(word, ACTIVE)
        return LEFT if status in GONE else ASKED if status == PENDING else STAYS

    return st.sampled_from(["", *WORDS]).flatmap(
        lambda word: st.tuples(spelt(word), st.just(says(word)))
    )


def _status() -> st.SearchStrategy[Column]:
    names = st.sampled_from(["status", *OF_PEOPLE["status"]]).flatmap(spelt)
    return st.tuples(names, st.just(_words()), st.just(()))


def _yes_or_no(*, is_left_by_no: bool) -> st.SearchStrategy[tuple[str, str]]:
    leaves, stays = (NO, YES) if is_left_by_no else (YES, NO)
    said = [(cell, LEFT) for cell in leaves] + [(cell, STAYS) for cell in (*stays, "")]
    return st.sampled_from(said)


def _flag() -> st.SearchStrategy[Column]:
    fields = st.sampled_from(["unsubscribed", "bounced", "complained", SUBSCRIBED])
    return fields.flatmap(
        lambda field: st.tuples(
            st.sampled_from([field, *OF_PEOPLE[field]]).flatmap(spelt),
            st.just(_yes_or_no(is_left_by_no=field == SUBSCRIBED)),
            st.just(()),
        )
    )


def _time() -> st.SearchStrategy[Column]:
    cells = st.sampled_from([("2024-05-05T10:00:00Z", LEFT), ("", STAYS)])
    names = st.sampled_from(["unsubscribedAt", *OF_PEOPLE["unsubscribedAt"]])
    return st.tuples(names, st.just(cells), st.just(()))


def _whole() -> st.SearchStrategy[Column]:
    options = st.sampled_from([(f"--set=status={status}",) for status in sorted(GONE)])
    return st.tuples(st.just(""), st.just(st.just(("", LEFT))), options)


def _mapped() -> st.SearchStrategy[Column]:
    return st.sampled_from(UNKNOWN).map(lambda name: (name, _words(), (f"--map={name}=status",)))


def _explained() -> st.SearchStrategy[Column]:
    cells = st.sampled_from([(OWN, LEFT), (OWN.upper(), LEFT), ("active", STAYS), ("", STAYS)])
    return st.tuples(st.sampled_from(UNKNOWN), st.sampled_from(sorted(GONE))).map(
        lambda drawn: (
            drawn[0], cells, (f"--map={drawn[0]}=status", f"--value=status:{OWN}={drawn[1]}"),
        )
    )  # fmt: skip


def _lost() -> st.SearchStrategy[Column]:
    return st.sampled_from(UNKNOWN).map(lambda name: (name, _words(), ()))


def _sign() -> st.SearchStrategy[Column]:
    return st.sampled_from([*SIGNS_OF_LEAVING, *SIGNS_OF_STAYING]).map(
        lambda name: (name, _yes_or_no(is_left_by_no=name in SIGNS_OF_STAYING), ())
    )


def encoded(rows: Sequence[dict[str, str]], form: str) -> bytes:
    """Return rows as a file."""
    if form == "jsonl":
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    if form == "json":
        return json.dumps(rows, indent=1).encode()
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    if form == "csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(table)
        return text.getvalue().encode()
    return workbook(*table)


def workbook(*rows: list[Any]) -> bytes:
    made, content = Workbook(), io.BytesIO()
    assert made.active is not None
    for row in rows:
        made.active.append(row)
    made.save(content)
    return content.getvalue()
