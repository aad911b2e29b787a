"""How many mails of a second have been handed out to processes."""

from django.db import models


class SendingSecond(models.Model):
    """One second of the whole installation: never more than MAIL_RATE mails handed out."""

    starts_at = models.DateTimeField(primary_key=True)
    handed_out = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.starts_at:%H:%M:%S}"
