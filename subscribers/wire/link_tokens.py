"""The tokens of the links in mails: how they look, and mails without them.

A token acts in its person's name, so no screen and no export shows a mail with its tokens.
"""

import re

# A confirmation's id, when it was signed, a mark and a signature.
CONFIRMATION = re.compile(
    r"(?P<id>[0-9a-f]{32})\.(?P<moment>[0-9A-Za-z]{1,8})\.(?P<mark>[\w-]{22})\.[\w-]{43}", re.ASCII
)
# To unsubscribe: the subscriber's id and secret, 32 hex digits each.
UNSUBSCRIBE = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})", re.ASCII)
# As templates may have changed it: in capitals, or between other digits.
_ANY_UNSUBSCRIBE = re.compile(r"[0-9A-Fa-f]{64,}")
# In an address, as `mail_tokens` writes it: that of an envelope sender, and the same as the link's.
_ADDRESSED = re.compile(r"(?<![0-9A-Za-z])(?:[A-Za-z2-7]{42}|[A-Za-z2-7]{52})(?![0-9A-Za-z])")
HIDDEN = "hidden"


def without_confirmation(text: str) -> str:
    """Return a mail's text without its confirmation tokens, the same at every time."""
    return CONFIRMATION.sub("", text)


def hidden(text: str) -> str:
    """Return a mail's text with a word in the place of each token."""
    links_hidden = _ANY_UNSUBSCRIBE.sub(HIDDEN, CONFIRMATION.sub(HIDDEN, text))
    return _ADDRESSED.sub(HIDDEN, links_hidden)
