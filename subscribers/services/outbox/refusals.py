"""Tells whether a mail server's refusal is about the recipient, permanently.

Such a recipient is suppressed, so a refusal that may be about the sender, message, policy or moment
does not count: a relay that refuses everybody must not suppress a whole list.
See .github/decisions/refused-recipients.md.
"""

import re

# RFC 3463, 2: class, subject, detail.
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# RFC 5321, 4.2.2: mailbox unavailable, not local, name not allowed; RFC 7504: host takes no mail.
_OF_RECIPIENT = frozenset({550, 551, 553, 556})
# RFC 3463, 3.2: the mailbox, its host, its syntax, ambiguous, moved; RFC 7505: no mail server.
# The other details are about the sender (7, 8), or say nothing exact (0, 5, 9).
_OF_ADDRESS = frozenset({"1", "2", "3", "4", "6", "10"})
# Words of servers that answer 550 to anything, without an enhanced code.
_OF_SOMETHING_ELSE = re.compile(
    r"relay|rcpthosts|block|spam|spf|dkim|dmarc|polic|prohibit|denied|permi|allow|authori|authent"
    r"|log.?in|black|listed|reputation|sender|from address|\brates?\b|limit|quota|\bfull\b|too many"
    r"|gr[ea]y.?list|administrat|content|virus|temporar|try again|later|https?://",
    re.IGNORECASE,
)
# An address repeated in the answer may contain any word.
_ADDRESS = re.compile(r"\S+@\S+")
_SOFT_SUBJECTS = frozenset({"3", "6", "7"})
_SOFT_DETAILS = frozenset({("2", "2"), ("2", "3")})


def is_of_recipient(*, code: int, text: str) -> bool:
    """Tell whether the answer to RCPT says that the recipient does not exist. `text` is the reply
    without its code; an enhanced status in it decides.
    """
    if code not in _OF_RECIPIENT:
        return False
    status = _ENHANCED.search(text)
    if status:
        return status[1] == "5" and status[2] == "1" and status[3] in _OF_ADDRESS
    return not _OF_SOMETHING_ELSE.search(_ADDRESS.sub("", text))


def is_certainly_soft(text: str) -> bool:
    """Tell whether the enhanced status in a server's reply says that the refusal is temporary: full
    mailbox, message too large, system, content, policy. Without a status nothing is certain.
    """
    status = _ENHANCED.search(text)
    if status is None:
        return False
    is_soft_detail = (status[2], status[3]) in _SOFT_DETAILS
    return status[1] != "5" or status[2] in _SOFT_SUBJECTS or is_soft_detail
