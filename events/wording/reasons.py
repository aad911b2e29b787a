"""The glossary of reason words that the product stores or answers with, and their wording.

A wording fits after "because", a colon or a dash. Imports no other module, so that the admin of
both apps and the terminal can use it.
"""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    # Why a sequence does not start, or a sync rule does nothing.
    "historical": "the event was history when it arrived",
    "duplicate": "the event had arrived before, and a repeat starts nothing",
    "required_tag_missing": "a tag that it requires is missing",
    "excluded_tag_present": "the person has a tag that it excludes",
    "product_not_matched": "no product of the event matches",
    "sequence_not_active": "only an active sequence starts",
    "enrollment_paused": "nobody enters while its entry is closed",
    "filter_not_met": "a filter of the trigger is not met",
    "entry_key_missing": "the event has no single value in the field that keeps enrollments apart",
    "entered_before": "people enter it once, and the person has been in it before",
    "already_enrolled": "the person is in it already",
    "not_triggered": "that does not start this sequence",
    "tag_there_already": "the person has the tag already",
    "no_list_to_join": "there is no list that the person could join for it",
    # The person's status: keeps them out of a sequence, or mail from them.
    "subscriber_unsubscribed": "the person has unsubscribed",
    "subscriber_bounced": "mail to the address has bounced",
    "subscriber_complained": "the person has complained about mail",
    "subscriber_pending": "the person has not confirmed the address",
    "unsubscribed": "the person has unsubscribed",
    "suppressed": "the address is suppressed",
    "not_on_list": "the person is not on the list that the mail belongs to",
    # Why an enrollment ended or is held.
    "exit": "a step ended it",
    "condition_not_met": "a condition was not met",
    "timeout": "the event that it waited for did not come in time",
    "date_missing": "there was no date",
    "date_past": "the date was past",
    "date_unreadable": "what stands for the date cannot be read as one",
    "stop_condition": "the sequence's exit condition was met",
    "superseded": "the person entered anew, and the sequence starts over",
    "webhook_failed": "a webhook failed",
    "webhook_away": "the webhook's receiver is away",
    "gave_up": "a step failed, and is not tried again",
    "not_confirmed": "the person did not confirm the address",
    "merged": "the person was merged into another",
    "sequence_paused": "the sequence was paused",
    "paused_by_hand": "by an operator",
    "cancelled_by_hand": "by an operator",
    # Why mail waits or is not sent.
    "mail_paused": "mail is paused",
    "mail_server_away": "the mail server does not answer",
    "mail_login_refused": "the mail server refuses the log-in",
    "mail_deferred": "the mail server deferred the mail",
    "mail_is_blank": "all that it would say is missing: it has neither subject nor text",
    "mail_failed": "the mail server refused the mail, or deferred it for too long",
    "template_error": "its template cannot be rendered",
    "mail_cap": "the person has had as many mails as the workspace allows for now",
    "sending_window": "the sequence's sending window is closed",
    "no_sender": "the workspace has no address that mail comes from",
    "confirmations_delayed": "too many confirmations were sent in one hour",
    "confirmation_closed": "the confirmation was given up, or the person unsubscribed",
    "enrollment_ended": "the enrollment ended before the mail was sent",
    "skipped_by_hand": "an operator skipped it",
    "step_retried": "it failed, and its step was carried out once more with another mail",
    "test_key": "a test key led to it, and test keys never mail",
    "bounced_later": "it came back: the address does not exist",
    "complained_later": "the person reported it as spam",
    "not_in_allow_list": "EMAIL_ALLOW does not name the address",
    # Why no confirmation is queued.
    "already_confirmed": "the person has confirmed already",
    "asked_recently": "a confirmation was sent to the mailbox less than 24 hours ago",
    "asked_too_often": "three confirmations were sent to the mailbox, which is the most",
    "unknown": "the person no longer exists",
    # Why a step does not change a person.
    "attributes_too_large": "the attributes would be too large",
    "not_resubscribed": "only the person can resubscribe, by confirming",
}


def with_error(reason: str, error: str) -> str:
    """Return why something waits, with the last error: the same on lists and pages."""
    words = reason_in_words(reason)
    return f"{words} ({error})" if words and error else words or error


def reason_in_words(reason: str) -> str:
    """Return a stored reason, with the detail after its colon, in words; unknown words stay."""
    word, colon, detail = reason.partition(":")
    known = REASONS.get(word.strip(), word.strip().replace("_", " "))
    return f"{known}: {detail.strip()}" if colon and detail.strip() else known
