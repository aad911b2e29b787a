"""That no mail leaves, as pages say it; logs and the terminal have `Stop.words`, in UTC."""

from django.utils.safestring import SafeString

from config.readable import sentence, time_tag
from subscribers.services.outbox.flow import Stop


def in_words(stop: Stop) -> SafeString:
    """Return by which server no mail has left, since when and why, without the full stop."""
    words = "No mail has left by {} since {}: {}"
    return sentence(words, stop.server, time_tag(stop.since), stop.reason)
