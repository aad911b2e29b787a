"""Whatever the export and the options: nobody who had left, bounced or complained is active."""

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from subscribers.management.importing import reading
from subscribers.models import ImportRun, Subscriber
from subscribers.rows.status_words import GONE
from tests import factories
from tests.support.exports import LEFT, PEOPLE, STAYS, Export, Row, exports
from tests.support.people_in import Came, came

pytestmark = pytest.mark.django_db

NUMBERS = itertools.count()
KNOWN_AS = ["", "active", *sorted(GONE)]
# Examples are small as they are; looking for a smaller one takes minutes.
EXAMPLES = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


NOBODY = [""] * PEOPLE


def lost(*cells: str) -> Export:
    """Return an export with a column that nothing explains; only its last cell says who left."""
    last = len(cells) - 1
    rows = tuple(
        Row(number, cell, LEFT if number == last else STAYS) for number, cell in enumerate(cells)
    )
    return Export("State", rows, (), "email", is_lost=True)


@pytest.fixture(autouse=True)
def workspace(db: None) -> None:
    factories.WorkspaceFactory.create(slug="acme")


def known_people(folder: Path, statuses: list[str], domain: str) -> None:
    """Import those of the people who are known before; an empty status is not."""
    rows = [f"p{number}@{domain},{status}\n" for number, status in enumerate(statuses) if status]
    assert came(folder, "".join(["email,status\n", *rows]).encode(), name="known.csv").code == 0


def statuses_at(domain: str) -> dict[str, str]:
    return dict(
        Subscriber.objects.filter(email__endswith=f"@{domain}").values_list("email", "status")
    )


def check(*, export: Export, known: list[str], before: dict[str, str], domain: str) -> None:
    gone = export.gone | {number for number, status in enumerate(known) if status in GONE}
    after = statuses_at(domain)
    assert not [number for number in gone if after.get(f"p{number}@{domain}") == "active"]
    assert before.keys() <= after.keys()


@EXAMPLES
@example(
    export=lost("", "Unsubscribed"), form="csv", known=NOBODY, strategy="skip", mode="default",
    bad_at=None, is_tried=False,
)  # fmt: skip
@given(
    export=exports(),
    form=st.sampled_from(["csv", "jsonl", "json", "xlsx"]),
    known=st.lists(st.sampled_from(KNOWN_AS), min_size=PEOPLE, max_size=PEOPLE),
    strategy=st.sampled_from(["skip", "merge", "overwrite"]),
    mode=st.sampled_from(["default", "confirmed"]),
    bad_at=st.none() | st.integers(0, 6),
    is_tried=st.booleans(),
)
def test_nobody_who_left_is_active_after_an_import(
    tmp_path: Path, export: Export, form: str, known: list[str], strategy: str, mode: str,
    bad_at: int | None, is_tried: bool,
) -> None:  # fmt: skip
    # Other people for each example: what is known of the last ones holds.
    domain = f"x{next(NUMBERS)}.io"
    known_people(tmp_path, known, domain)
    before, runs = statuses_at(domain), ImportRun.objects.count()
    arguments = (*export.arguments, f"--duplicates={strategy}", f"--opt-in-mode={mode}")

    def brought(*more: str, instead: str) -> Came:
        content = export.content(form, domain, bad_at=bad_at, instead=instead)
        return came(tmp_path, content, *arguments, *more, name=f"people.{form}")

    if is_tried:
        brought("--dry-run", instead="nobody")
        assert statuses_at(domain) == before
    ended = brought("--stop-on-error", "--batch-size=1", instead="nobody")
    if bad_at is not None and ended.code == 1:
        ended = brought(
            "--stop-on-error", "--batch-size=1", "--resume", instead=f"corrected@{domain}"
        )

    if ended.code == 2:
        assert export.is_lost, ended.said
        assert "--ignore-column" in ended.said
        assert (statuses_at(domain), ImportRun.objects.count()) == (before, runs)
        return
    assert ended.code == 0, ended.said
    check(export=export, known=known, before=before, domain=domain)
    assert not (export.is_lost and export.gone)
    after = statuses_at(domain)
    for number in export.staying:
        if known[number] not in GONE:
            assert after[f"p{number}@{domain}"] == "active"


@EXAMPLES
@example(export=lost("", "", "Spam"), form="csv", known=NOBODY, strategy="skip")
@example(export=lost("active", "", "Spam"), form="jsonl", known=NOBODY, strategy="skip")
@given(
    export=exports(),
    form=st.sampled_from(["csv", "jsonl"]),
    known=st.lists(st.sampled_from(KNOWN_AS), min_size=PEOPLE, max_size=PEOPLE),
    strategy=st.sampled_from(["skip", "merge", "overwrite"]),
)
def test_nobody_who_left_is_active_after_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, export: Export, form: str, known: list[str],
    strategy: str,
) -> None:  # fmt: skip
    # Most rows come after those that are looked at.
    monkeypatch.setattr(reading, "ROWS_OF_A_PIPE", 2)
    domain = f"pipe{next(NUMBERS)}.io"
    known_people(tmp_path, known, domain)
    before, runs = statuses_at(domain), ImportRun.objects.count()
    content = export.content(form, domain, instead="")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    ended = came(
        tmp_path, b"", f"--format={form}", f"--duplicates={strategy}", *export.arguments, name="-"
    )

    assert ended.code in ({0, 2, 3} if export.is_lost else {0}), ended.said
    if ended.code == 2:
        assert (statuses_at(domain), ImportRun.objects.count()) == (before, runs)
        return
    assert ended.code == 0 or ImportRun.objects.order_by("-id")[0].rejected
    check(export=export, known=known, before=before, domain=domain)
