"""Whether mail flows: what each mail server last did with the mails of a workspace."""

from typing import ClassVar

from django.db import models

from subscribers.ids import new_id
from subscribers.models.workspace import Workspace


class MailFlow(models.Model):
    """One mail server and workspace; written every few seconds at most, and at each change."""

    class Kind(models.TextChoices):
        FLOWS = "", "Mail flows"
        SERVER_AWAY = "server_away", "The server does not answer"
        LOGIN_REFUSED = "login_refused", "The server refuses the log-in"
        NO_ANSWER = "no_answer", "The server takes mails and gives no answer"
        DEFERRED = "deferred", "The server defers every mail"
        REFUSED = "refused", "The server refuses every mail"

    # Any mail would fail; the other kinds may be about one mail, until many failed in a row.
    OF_SERVER = (Kind.SERVER_AWAY, Kind.LOGIN_REFUSED, Kind.NO_ANSWER)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    # `host:port`, or the name of a delivery service; no user and no password.
    server = models.CharField(max_length=255)
    last_sent_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_failed_at = models.DateTimeField(null=True)
    kind = models.CharField(max_length=16, choices=Kind, blank=True, default=Kind.FLOWS)
    # The server's words, without addresses of people.
    error = models.CharField(max_length=300, blank=True, default="")
    # How many mails failed since the last one that was sent.
    failures = models.PositiveIntegerField(default=0)
    # The failure that the log has a line of, and when it last had one.
    warned_of = models.CharField(max_length=16, choices=Kind, blank=True, default=Kind.FLOWS)
    warned_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "mail server"
        verbose_name_plural = "mail servers"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "server"], name="mail_flow_one_per_workspace_and_server"
            )
        ]

    def __str__(self) -> str:
        return self.server
