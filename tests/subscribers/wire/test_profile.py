"""Tests that the one list of the profile's texts and the columns of the model agree."""

from django.db import models

from subscribers.models import Subscriber
from subscribers.wire import profile

# Texts of the row that are no part of the profile.
OTHERS = {"email", "email_key", "external_id", "status", "unsubscribe_token"}


def test_every_text_column_of_a_subscriber_is_in_the_profile() -> None:
    columns = {
        field.name: field.max_length
        for field in Subscriber._meta.fields
        if isinstance(field, models.CharField) and field.name not in OTHERS
    }

    assert columns == {text.name: text.longest for text in profile.TEXTS}
