"""An email backend in a mood: it takes mails, defers, refuses, is silent, or is killed with one."""

from collections.abc import Sequence
from enum import Enum, auto

from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class Mood(Enum):
    WELL = auto()
    LATER = auto()
    NEVER = auto()
    # It took the mail, but says nothing.
    SILENT = auto()
    # The worker is killed with the mail taken; nothing after it runs.
    KILLED = auto()


class Killed(BaseException):
    """What ends a process at once; no code of the product catches it."""


class Refused(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__(f"{status_code}")
        self.status_code = status_code


class MoodyBackend(BaseEmailBackend):
    """Not one of Django's local backends, whose every error means that nothing was taken."""

    mood = Mood.WELL

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        match MoodyBackend.mood:
            case Mood.LATER:
                raise Refused(429)
            case Mood.NEVER:
                raise Refused(422)
        mail.outbox.extend(messages)
        match MoodyBackend.mood:
            case Mood.SILENT:
                raise TimeoutError
            case Mood.KILLED:
                raise Killed
        return len(messages)
