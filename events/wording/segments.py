"""A segment in one sentence, and the words of its conditions; the form offers the same words."""

from collections.abc import Mapping

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from config.readable import sentence
from events.language.segments import Field, Group, Operator, SegmentFilter
from events.language.segments.filters import MAIL_FIELDS
from events.language.segments.windows import HOURS_A_DAY, age_in_words

# By field and operator, in the order of the form.
PHRASES: Mapping[tuple[Field, Operator], str] = {
    ("status", "is"): "has the status",
    ("status", "is_not"): "does not have the status",
    ("tag", "contains"): "has the tag",
    ("tag", "not_contains"): "does not have the tag",
    ("tag", "is_not_empty"): "has any tag",
    ("tag", "is_empty"): "has no tag",
    ("list", "is"): "is on the list",
    ("list", "is_not"): "is not on the list",
    ("list", "is_not_empty"): "is on any list",
    ("list", "is_empty"): "is on no list",
    ("segment", "is"): "is in the segment",
    ("segment", "is_not"): "is not in the segment",
    ("event", "is"): "did the event",
    ("event", "is_not"): "did not do the event",
    ("event", "at_least"): "did the event at least",
    ("event", "less_than_count"): "did the event less than",
    ("attribute", "is"): "attribute is",
    ("attribute", "is_not"): "attribute is not",
    ("attribute", "contains"): "attribute contains",
    ("attribute", "not_contains"): "attribute does not contain",
    ("attribute", "gt"): "attribute is more than",
    ("attribute", "gte"): "attribute is at least",
    ("attribute", "lt"): "attribute is less than",
    ("attribute", "lte"): "attribute is at most",
    ("attribute", "is_not_empty"): "attribute has a value",
    ("attribute", "is_empty"): "attribute has no value",
    ("emailSent", "is"): "was sent mail",
    ("emailSent", "is_not"): "was sent no mail",
    ("emailSent", "at_least"): "was sent mail at least",
    ("emailSent", "less_than_count"): "was sent mail less than",
    ("emailDelivered", "is"): "got mail delivered",
    ("emailDelivered", "is_not"): "got no mail delivered",
    ("emailDelivered", "at_least"): "got mail delivered at least",
    ("emailDelivered", "less_than_count"): "got mail delivered less than",
    ("emailOpened", "is"): "opened mail",
    ("emailOpened", "is_not"): "opened no mail",
    ("emailOpened", "at_least"): "opened mail at least",
    ("emailOpened", "less_than_count"): "opened mail less than",
    ("emailClicked", "is"): "clicked in mail",
    ("emailClicked", "is_not"): "clicked in no mail",
    ("emailClicked", "at_least"): "clicked in mail at least",
    ("emailClicked", "less_than_count"): "clicked in mail less than",
    ("emailBounced", "is"): "had mail bounce",
    ("emailBounced", "is_not"): "had no mail bounce",
    ("emailBounced", "at_least"): "had mail bounce at least",
    ("emailBounced", "less_than_count"): "had mail bounce less than",
    ("emailBounced", "is_permanent_bounce"): "had mail bounce for good",
    ("emailBounced", "is_temporary_bounce"): "had mail bounce for now",
    ("emailComplained", "is"): "reported mail as spam",
    ("emailComplained", "is_not"): "reported no mail as spam",
    ("emailComplained", "at_least"): "reported mail as spam at least",
    ("emailComplained", "less_than_count"): "reported mail as spam less than",
    ("email", "contains"): "address contains",
    ("email", "not_contains"): "address does not contain",
    ("email", "is"): "address is",
    ("email", "is_not"): "address is not",
    ("emailProvider", "is"): "address is at",
    ("emailProvider", "is_not"): "address is not at",
    ("emailProvider", "is_not_empty"): "address has a provider",
    ("emailProvider", "is_empty"): "address has no provider",
    ("firstName", "contains"): "first name contains",
    ("firstName", "not_contains"): "first name does not contain",
    ("firstName", "is_not_empty"): "has a first name",
    ("firstName", "is_empty"): "has no first name",
    ("lastName", "contains"): "last name contains",
    ("lastName", "not_contains"): "last name does not contain",
    ("lastName", "is_not_empty"): "has a last name",
    ("lastName", "is_empty"): "has no last name",
    ("added", "less_than"): "was added within the last",
    ("added", "more_than"): "was added before the last",
}
JOINTS = {"and": " and ", "or": " or "}


def in_words(group: Group, *, names: Mapping[str, str]) -> SafeString:
    """Return a group as part of a sentence; `names` has those of lists and segments by id."""
    parts = []
    for each in group.children:
        if isinstance(each, SegmentFilter):
            parts.append(filter_in_words(each, names=names))
        else:
            inner = in_words(each, names=names)
            parts.append(sentence("({})", inner) if len(each.children) > 1 else inner)
    return format_html_join(JOINTS[group.join], "{}", ((part,) for part in parts))


def filter_in_words(one: SegmentFilter, *, names: Mapping[str, str]) -> SafeString:
    phrase, since = PHRASES[one.field, one.operator], since_in_words(one.hours)
    match one.field:
        case "attribute":
            rest = phrase.removeprefix("attribute")
            return sentence("attribute {}{} {}", one.name, rest, one.text)
        case "event":
            start, _, rest = phrase.partition("the event")
            return sentence("{}{}{}{} {}", start, one.name, rest, _times(one), since)
        case _ if one.field in MAIL_FIELDS:
            start, word, rest = phrase.partition("mail")
            name = f"{one.name} {word}".strip()
            return sentence("{}{}{}{} {}", start, name, rest, _times(one), since)
        case "added":
            return sentence("{} {}", phrase, age_in_words(one.hours or 0))
        case "list" | "segment":
            return sentence("{} {}", phrase, names.get(one.name, one.name and "(deleted)"))
        case _:
            return sentence("{} {}", phrase, one.name)


def since_in_words(hours: int | None) -> str:
    if hours is None:
        return "ever"
    number, unit = (hours, "hours") if hours % HOURS_A_DAY else (hours // HOURS_A_DAY, "days")
    return f"in the last {number} {unit}" if number > 1 else f"in the last {unit.rstrip('s')}"


def _times(one: SegmentFilter) -> str:
    if one.operator not in {"at_least", "less_than_count"}:
        return ""
    return f" {one.count} time{'' if one.count == 1 else 's'}"
