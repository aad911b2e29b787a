"""A mail server, a clock and a sequence of one mail, for tests of how mails leave."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from events.models import Sequence
    from subscribers.models import Workspace
    from tests.support.smtp_server import SmtpServer
    from tests.support.time_travel import TimeTravel


@pytest.fixture
def server(settings: "Settings") -> "Iterator[SmtpServer]":
    """A real SMTP server for the product's mail, with short time-outs."""
    from tests.support import smtp_server  # noqa: PLC0415 - Django is set up by now

    settings.EMAIL_TIMEOUT = 0.3
    with smtp_server.receiving(settings) as started:
        yield started


@pytest.fixture(autouse=True)
def no_receiver_is_away() -> None:
    from events.services.engine import receivers  # noqa: PLC0415 - Django is set up by now

    receivers.reset_all()


@pytest.fixture
def travel() -> "TimeTravel":
    """A clock that stands at noon."""
    from tests.support.sequence_making import NOON  # noqa: PLC0415 - Django is set up by now
    from tests.support.time_travel import TimeTravel  # noqa: PLC0415 - as above

    return TimeTravel(NOON)


@pytest.fixture
def sequence(workspace: "Workspace") -> "Sequence":
    from tests.support.sequence_making import MAIL, make_sequence  # noqa: PLC0415 - as above

    return make_sequence(workspace, MAIL)
