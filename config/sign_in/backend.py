"""Django's users, with limits on failures."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from config.sign_in import hashing
from config.sign_in.limits import Attempt
from config.sign_in.models import SignIn


class LimitedBackend(ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,  # noqa: ARG002 - what Django calls it with
    ) -> User | None:
        """Return the user; raises `Refused` instead of hashing beyond a limit."""
        if username is None or password is None:
            return None
        now = timezone.now()
        person = User.objects.filter(username=username).first()
        attempt = Attempt(person=person, name=username, request=request)
        attempt.check(now=now)
        is_right = hashing.is_right(password, person=person)
        if is_right and self.user_can_authenticate(person):
            return person
        attempt.note(SignIn.Outcome.WRONG_PASSWORD, now=now)
        return None
