"""The record of sign-ins: what the limits count, and what operators look at."""

from django.db import models
from django.db.models import Q


class SignIn(models.Model):
    """One sign-in, or one attempt that failed; refused attempts have no row."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded", "Signed in"
        WRONG_PASSWORD = "wrong_password", "Wrong name or password"
        WRONG_CODE = "wrong_code", "Wrong code"

    at = models.DateTimeField()
    # A name that no user has may be a password in the wrong field: only a hash is kept. Without
    # the secret key nobody can try words against it.
    name = models.CharField(max_length=150)
    # An IPv4 address, or the /64 network of an IPv6 one: one customer has all of it.
    network = models.CharField("address", max_length=45)
    outcome = models.CharField(max_length=20, choices=Outcome)

    class Meta:
        verbose_name = "sign-in"
        indexes = (
            # Read by the limits: by name and address, by address, in all.
            models.Index(fields=["name", "network", "-at"], name="sign_in_by_name"),
            models.Index(fields=["network", "-at"], name="sign_in_by_network"),
            models.Index(
                fields=["-at"], condition=~Q(outcome="succeeded"), name="sign_in_failures"
            ),
            # Read by the list and by the deletion of old rows.
            models.Index(fields=["at"], name="sign_in_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.name} from {self.network}"
