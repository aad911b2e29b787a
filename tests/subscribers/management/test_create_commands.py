"""`create_workspace` and `create_api_key`: what they print, and what they refuse."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ApiKey, Workspace
from tests.support.calling import ACCOUNT, Caller

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_a_workspace_is_made_and_its_slug_printed() -> None:
    printed = run(
        "create_workspace", "Ünï & Co", "--double-opt-in", "--default-list", "News",
        "--default-list", "Offers", "--from-email", "hello@acme.example",
    )  # fmt: skip

    workspace = Workspace.objects.get()
    assert printed == "uni-co\n"
    assert workspace.double_opt_in
    assert workspace.from_email == "hello@acme.example"
    assert set(workspace.lists.values_list("name", "is_default")) == {
        ("News", True),
        ("Offers", True),
    }


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["", "--slug", "x"], "name"),
        (["A", "--slug", "not a slug"], "slug"),
        (["A", "--from-email", "nobody"], "from_email"),
        (["A", "--slug", "acme"], "acme"),
    ],
)
def test_a_bad_workspace_is_refused_by_the_name_of_its_field(
    workspace: Workspace, arguments: list[str], word: str
) -> None:
    with pytest.raises(CommandError, match=word):
        run("create_workspace", *arguments)

    assert Workspace.objects.count() == 1


def test_a_key_is_printed_alone_and_works(workspace: Workspace) -> None:
    printed = run("create_api_key", "--workspace", "acme", "--scope", "account:read")

    caller = Caller(workspace=workspace, key=printed.removesuffix("\n"))
    assert caller.get(ACCOUNT).status == 200
    assert ApiKey.objects.get().scopes == ["account:read"]


@pytest.mark.parametrize(("arguments", "expected"), [([], False), (["--test"], True)])
def test_a_key_is_marked_test_when_that_is_asked(
    workspace: Workspace, arguments: list[str], expected: bool
) -> None:
    printed = run("create_api_key", "--workspace", "acme", *arguments)

    caller = Caller(workspace=workspace, key=printed.removesuffix("\n"))
    assert ApiKey.objects.get().is_test is expected
    assert caller.get(ACCOUNT).json["apiKey"]["isTest"] is expected


def test_a_key_for_an_unknown_workspace_is_refused() -> None:
    with pytest.raises(CommandError, match="nowhere"):
        run("create_api_key", "--workspace", "nowhere")
