"""What a page reads from a request, and the second try after a dead connection."""

import pytest
from django.db import OperationalError

from subscribers.pages import requests


class DiesOnce:
    """Something whose connection is found dead the first time."""

    def __init__(self) -> None:
        """Count from none."""
        self.tries = 0

    def __call__(self) -> str:
        """Fail, then do it."""
        self.tries += 1
        if self.tries == 1:
            raise OperationalError("the connection is closed")
        return "done"


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_costs_a_second_try() -> None:
    action = DiesOnce()

    result = requests.once_more_if_lost(action)

    assert (result, action.tries) == ("done", 2)


@pytest.mark.django_db
def test_inside_a_transaction_there_is_no_second_try() -> None:
    action = DiesOnce()

    with pytest.raises(OperationalError):
        requests.once_more_if_lost(action)

    assert action.tries == 1
