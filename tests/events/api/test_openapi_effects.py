"""The API's description knows every reason and stage that there is."""

from events.api.openapi_effects import REASONS, STAGES
from events.decisions.enrollments import Reason
from events.models import FailedStage


def test_the_description_lists_the_reasons_and_stages_there_are() -> None:
    assert set(REASONS) == {each.value for each in Reason}
    assert set(STAGES) == set(FailedStage.Stage.values)
