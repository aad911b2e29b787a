"""Sign-ins."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from config.sign_in.models import SignIn


class SignInFactory(DjangoModelFactory[SignIn]):
    """A wrong password."""

    class Meta:
        model = SignIn

    at = factory.LazyFunction(timezone.now)
    name = "ada"
    network = "192.0.2.1"
    outcome = SignIn.Outcome.WRONG_PASSWORD
