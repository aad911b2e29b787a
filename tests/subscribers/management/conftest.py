"""The workspace that files of people come into."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from subscribers.models import Workspace


@pytest.fixture
def acme_in_berlin(db: None) -> "Workspace":
    """The workspace `acme`, whose times are Berlin's."""
    from tests import factories  # noqa: PLC0415 - Django is set up by now

    return factories.WorkspaceFactory.create(slug="acme", timezone="Europe/Berlin")
