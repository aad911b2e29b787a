"""The bulk call is answered in two ways: by the express lane, and by the view that defines it."""

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(params=["express", "reference"])
def both_ways(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Run a test with the express lane and without it."""
    settings.EXPRESS = request.param == "express"
