"""Pages for what is missing, forbidden or fails."""

from http import HTTPStatus

from django.test import Client, RequestFactory
from django.urls import reverse

from config.unavailable import server_error
from tests import factories

HOME = f'href="{reverse("admin:index")}"'


def test_a_missing_page_says_so_and_leads_operators_home(
    client: Client, admin_client: Client
) -> None:
    outsider, operator = client.get("/nowhere"), admin_client.get("/admin/nowhere/")

    assert (outsider.status_code, operator.status_code) == (HTTPStatus.NOT_FOUND,) * 2
    assert "There is no such page" in outsider.content.decode()
    assert "There is no such page" in operator.content.decode()
    assert (HOME in outsider.content.decode(), HOME in operator.content.decode()) == (False, True)


def test_what_nobody_may_do_has_a_page(admin_client: Client) -> None:
    sequence = factories.SequenceFactory.create()

    answer = admin_client.get(reverse("admin:events_sequence_delete", args=[sequence.pk]))

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "This is not allowed" in answer.content.decode()
    assert HOME in answer.content.decode()


def test_a_failure_has_a_page_that_needs_no_database(rf: RequestFactory) -> None:
    answer = server_error(rf.get("/admin/"))

    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "Something failed on our side" in answer.content.decode()
