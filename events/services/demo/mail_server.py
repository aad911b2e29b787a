"""The mail server of a demo: it accepts mail, opens no connection and sends nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from events.services.demo.lives import Fate
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Mailer, Message

# How long a delivery takes.
DELIVERY = timedelta(milliseconds=640)
ANSWERS = {
    Fate.BOUNCED: Delivery(
        DeliveryOutcome.REFUSED,
        "550 5.1.1 The email account that you tried to reach does not exist",
        550,
        is_bad_recipient=True,
    ),
    Fate.REFUSED: Delivery(
        DeliveryOutcome.REFUSED, "554 5.7.1 Message refused by the recipient's policy", 554
    ),
    Fate.DEFERRED: Delivery(
        DeliveryOutcome.DEFERRED, "451 4.7.1 Too many messages, try again later", 451
    ),
    Fate.UNKNOWN: Delivery(DeliveryOutcome.UNKNOWN, "No answer came to the message: timed out"),
}


class Clock:
    """The time of a demo, which never goes back."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def reach(self, moment: datetime) -> None:
        self.now = max(self.now, moment)


class MailServer(Mailer):
    """Answers as the lives say: `fates` are of a recipient's n-th mail, counted from 1."""

    def __init__(self, clock: Clock, fates: Mapping[str, Mapping[int, Fate]]) -> None:
        super().__init__()
        self._clock = clock
        self._fates = fates
        self._seen: dict[str, list[str]] = {}

    def send(self, message: Message) -> Delivery:
        """Return the answer; another attempt at the same mail gets the same answer."""
        self._clock.reach(self._clock.now + DELIVERY)
        seen = self._seen.setdefault(message.recipient, [])
        if message.message_id not in seen:
            seen.append(message.message_id)
        number = seen.index(message.message_id) + 1
        fate = self._fates.get(message.recipient, {}).get(number)
        return ANSWERS[fate] if fate else Delivery(DeliveryOutcome.SENT)
