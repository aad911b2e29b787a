"""Commands that erase, merge and change addresses: they ask first, and print what they did."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from events.models import Event
from subscribers.models import ConsentRecord, Subscriber, Suppression, Workspace
from tests import factories
from tests.support.searching import rows_with


class Terminal(io.StringIO):
    """Somebody who sits there and answers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", external_id="user-1"
    )


def call(capsys: pytest.CaptureFixture[str], workspace: Workspace, *words: str) -> str:
    """Run a command on the workspace and return what it printed on standard output."""
    call_command(*words, "--workspace", workspace.slug)
    return capsys.readouterr().out


def ask(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))


@pytest.mark.parametrize("name", ["ADA@example.com", "ext:user-1", "sub_"])
def test_somebody_is_erased_by_any_name(
    person: Subscriber, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    factories.EventFactory.create(subscriber=person)
    named = person.public_id if name == "sub_" else name

    said = call(capsys, person.workspace, "erase_subscriber", named, "--yes")

    assert said == (
        "Erased, with 1 events and 0 mails. No more mail goes to the address; only its "
        "hash is kept.\n"
    )
    assert rows_with("ada@example.com") == []
    assert ConsentRecord.objects.get().actor


def test_who_may_come_back_is_not_suppressed(
    person: Subscriber, capsys: pytest.CaptureFixture[str]
) -> None:
    said = call(
        capsys, person.workspace, "erase_subscriber", person.email, "--yes", "--allow-return"
    )

    assert said.endswith("Nothing blocks mail to the address if it is used again.\n")
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(("answer", "is_done"), [("yes\n", True), ("n\n", False), ("", False)])
def test_it_asks_first(
    person: Subscriber,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    is_done: bool,
) -> None:
    ask(monkeypatch, answer)

    try:
        said = call(capsys, person.workspace, "erase_subscriber", person.email)
    except CommandError as error:
        said = f"{capsys.readouterr().out}{error}"

    assert f"Erase ada@example.com ({person.public_id}) of acme for ever? [y/N]" in said
    assert ("Nothing was changed." in said) is not is_done
    assert Subscriber.objects.exists() is not is_done


def test_without_anybody_to_ask_nothing_is_done(
    person: Subscriber, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))

    with pytest.raises(CommandError, match="give --yes"):
        call(capsys, person.workspace, "erase_subscriber", person.email)

    assert Subscriber.objects.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bob@example.com", "There is nobody named bob@example.com in the workspace acme."),
        ("ext:user-2", "There is nobody named ext:user-2 in the workspace acme."),
        ("user-1", "People are named by an address, ext: and the external id, or an id like sub_"),
    ],
)
def test_nobody_is_found_who_is_not_there(
    person: Subscriber, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    with pytest.raises(CommandError) as raised:
        call(capsys, person.workspace, "erase_subscriber", name, "--yes")

    assert said in str(raised.value)


def test_an_unknown_workspace_is_named(person: Subscriber) -> None:
    with pytest.raises(CommandError, match="'nowhere'"):
        call_command("erase_subscriber", person.email, "--workspace", "nowhere", "--yes")


def test_two_are_merged_and_it_says_what_was_moved(
    person: Subscriber, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = factories.SubscriberFactory.create(workspace=person.workspace, email="l@example.org")
    factories.EventFactory.create(subscriber=gone)

    said = call(
        capsys, person.workspace, "merge_subscribers", "ext:user-1", "l@example.org", "--yes"
    )

    assert said == (
        "ada@example.com is active now. Moved: 1 events (0 that both had are dropped), "
        "0 enrollments (0 cancelled), 0 mails, 0 tags, 0 lists.\n"
    )
    assert Event.objects.get().subscriber == person


def test_nobody_is_merged_with_themselves(
    person: Subscriber, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="one person already"):
        call(capsys, person.workspace, "merge_subscribers", person.email, "ext:user-1", "--yes")


def test_an_address_is_changed(person: Subscriber, capsys: pytest.CaptureFixture[str]) -> None:
    said = call(capsys, person.workspace, "change_address", "ext:user-1", "Ada@New.example")

    assert said == "ada@example.com is Ada@new.example now, active.\n"


@pytest.mark.parametrize(
    ("new", "said"),
    [("bob@example.com", "Use merge_subscribers."), ("nobody", "NEW is not a valid address")],
)
def test_an_address_that_cannot_be_theirs_is_refused(
    person: Subscriber, capsys: pytest.CaptureFixture[str], new: str, said: str
) -> None:
    factories.SubscriberFactory.create(workspace=person.workspace, email="bob@example.com")

    with pytest.raises(CommandError, match=said):
        call(capsys, person.workspace, "change_address", person.email, new)


@pytest.mark.parametrize(("new", "became"), [(" user-2 ", "user-2"), ("", None)])
def test_an_external_id_is_changed_or_removed(
    person: Subscriber, capsys: pytest.CaptureFixture[str], new: str, became: str | None
) -> None:
    said = call(capsys, person.workspace, "change_external_id", person.email, new)

    person.refresh_from_db()
    assert person.external_id == became
    assert said.startswith("ada@example.com has ")


@pytest.mark.parametrize(
    ("new", "words"), [("taken", "Use merge_subscribers"), ("x" * 256, "NEW has 256 characters")]
)
def test_an_external_id_that_cannot_be_is_refused(
    person: Subscriber, capsys: pytest.CaptureFixture[str], new: str, words: str
) -> None:
    factories.SubscriberFactory.create(workspace=person.workspace, external_id="taken")

    with pytest.raises(CommandError, match=words):
        call(capsys, person.workspace, "change_external_id", person.email, new)

    person.refresh_from_db()
    assert person.external_id == "user-1"
