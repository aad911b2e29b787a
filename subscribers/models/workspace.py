"""The tenant: everything else belongs to exactly one workspace."""

import base64
import secrets
from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from subscribers.ids import new_id
from subscribers.validators import validate_color, validate_language, validate_time_zone


def new_secret() -> str:
    """Return 256 random bits as hex."""
    return secrets.token_hex(32)


class Workspace(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, help_text="Shown to people who get mail.")
    slug = models.SlugField(
        max_length=63, help_text="Short name for commands and addresses; does not change."
    )
    double_opt_in = models.BooleanField(
        default=False,
        help_text="New people stay pending until they confirm their address.",
    )
    from_email = models.EmailField(
        blank=True, default="", help_text="The address that mail comes from."
    )
    from_name = models.CharField(
        max_length=200, blank=True, default="", help_text="The name that mail comes from."
    )
    timezone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="IANA name, such as Europe/Berlin; sending windows count in it.",
    )
    language = models.CharField(
        max_length=20,
        default="en",
        db_default="en",
        validators=[validate_language],
        help_text="Language of dates and numbers in mail, such as de or pt-BR.",
    )
    has_footer = models.BooleanField(
        "footer",
        default=True,
        db_default=True,
        help_text="Marketing mail without an unsubscribe link ends with one.",
    )
    footer_link = models.CharField(
        "footer's link",
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="The words of the footer's link, in your language. Empty: Unsubscribe.",
    )
    postal_address = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Your postal address; the footer ends with it. Many laws ask for one.",
    )
    # HTML around that of sequences' mails, with one place for it; empty: none.
    mail_layout = models.TextField("layout", blank=True, default="", db_default="")
    # The confirmation mail's templates; where empty, Cueline's own.
    confirmation_subject = models.CharField(max_length=998, blank=True, default="")
    confirmation_html = models.TextField(blank=True, default="")
    confirmation_text = models.TextField(blank=True, default="")
    confirmation_needs_button = models.BooleanField(
        default=True,
        help_text="Only the button confirms. Otherwise a tap or click on the page confirms too.",
    )
    confirmation_redirect_url = models.URLField(
        max_length=500,
        blank=True,
        default="",
        help_text="The page people see after they confirm. Empty: Cueline's own.",
    )
    reminder_hours = models.PositiveIntegerField(
        default=0, help_text="One reminder to those who have not confirmed by then; 0 is none."
    )
    give_up_days = models.PositiveIntegerField(
        default=30,
        help_text="Enrollments of those who have not confirmed by then expire; 0 keeps them.",
    )
    color = models.CharField(
        max_length=7,
        blank=True,
        default="",
        validators=[validate_color],
        help_text="Color of the buttons on public pages, such as #2b665d. Empty: the default.",
    )
    # Keys the hashes of addresses: in the database, so that no rotation loses a suppression.
    address_hash_key = models.CharField(max_length=64, default=new_secret, editable=False)
    is_mail_paused = models.BooleanField(
        "mail paused",
        default=False,
        help_text="While this is on, no mail of this workspace is sent; it waits.",
    )
    mail_cap = models.PositiveIntegerField(
        default=0,
        help_text="Most marketing mails to one person in the hours below; 0 is no cap. "
        "What is over it waits for its turn.",
    )
    mail_cap_hours = models.PositiveIntegerField(
        default=24, help_text="The hours that the cap counts."
    )
    tracks_opens = models.BooleanField(
        "track opens",
        default=False,
        db_default=False,
        help_text="HTML mail ends with an invisible picture; loading it counts as an open.",
    )
    tracks_clicks = models.BooleanField(
        "track clicks",
        default=False,
        db_default=False,
        help_text="Links of mail lead through this server, which counts the click.",
    )
    tracks_transactional = models.BooleanField(
        "track transactional mail too",
        default=False,
        db_default=False,
        help_text="Otherwise only marketing mail. Confirmation mail is never tracked.",
    )
    # Signs the requests of webhook steps, so that receivers can verify them.
    webhook_secret = models.CharField(max_length=64, default=new_secret, editable=False)
    # Rises in the transaction of every change to settings or rules, so that caches notice it.
    config_version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slug"], name="workspace_one_per_slug"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def standard_webhook_secret(self) -> str:
        """Return the webhook secret as libraries of Standard Webhooks take it."""
        return f"whsec_{base64.b64encode(self.webhook_secret.encode()).decode()}"
