"""What the headers of files mean: case, blanks and signs do not count, then synonyms do."""

import re
from collections.abc import Iterable, Mapping

# Parts of headers of columns that say who left, bounced or agreed. Such a column is never left
# out in silence: everybody would come in as active. A harmless column may look so too; the refusal
# says how to leave it out.
_STANDINGS = (
    "status", "consent", "unsub", "subscribed", "bounce", "suppress", "complain", "cleaned",
    "cleantime", "optin", "optedin", "optout", "optedout", "blocklist", "blacklist", "blocked",
    "disabled", "deactivated", "suspended", "banned", "deleted", "donot", "spam", "junk", "abuse",
    "newsletter", "permission", "allowed", "revoked", "withdrawn", "undeliver", "gdpr",
    # German
    "abgemeldet", "abmelde", "abbestell", "ausgetragen", "widerruf", "einwillig", "zustimmung",
    "erlaub", "sperr", "blockiert", "deaktiviert", "gelöscht", "abonniert", "unzustellbar",
    "rückläufer", "beschwerde", "rundbrief", "dsgvo",
    # French and Spanish
    "désabonn", "desabonn", "désinscri", "desinscri", "desuscri", "bloqu", "désactiv",
    "desactiv", "supprimé", "infolettre", "boletín", "boletin", "indésirable", "rebot", "permiso",
    "autoris", "autoriz", "rgpd",
)  # fmt: skip
_MAIL = (
    "(?:e?mails?|mailings?|contact|messages?|promotions?|offers?|marketing|advertising|werbung|"
    "publicité|publicidad|courriels?|correos?)"
)
_WHOSE = f"(?:is|has|user|account|person|member|customer|subscriber|kunde|flag|{_MAIL})"
_SAID = (
    "(?:(?:in)?active|(?:in)?aktiv|(?:in)?actif|(?:in)?activo|enabled|(?:in)?valid|removed|"
    "confirmed|bestätigt|cancell?ed|gekündigt|deceased|muted|dnd|dnc|dne|dnm|(?:e?mail|contact|"
    "reach)able|marketing|advertising|mailings?|werbung|publicité|publicidad|opt|angemeldet|abonné|"
    "inscrit|suscrito)"
)
_VERB = (
    "(?:no|not|dont|never|stop|can|may|receives?|accepts?|wants?|gets?|sends?|allows?|keine?|darf|"
    "sans|sin|acepta|accepte)"
)
# The whole header, so that `last_active` and `Mailing City` are not meant.
_STANDING = re.compile(
    f"subscribe|subscription|baja|{_WHOSE}*{_SAID}{_WHOSE}*|(?:is|user|contact)*{_VERB}{_MAIL}+"
)
# The fields that say it.
STANDINGS = frozenset({
    "status", "subscribed", "unsubscribed", "bounced", "complained", "unsubscribedAt", "bouncedAt",
    "suppressedFor",
})  # fmt: skip
# Such a column describes another one.
_DETAILS = ("reason", "comment", "campaign", "campaignid", "campaigntitle", "reasonother", "source")


def folded(header: str) -> str:
    """Return the header's letters and digits in lower case: `E-Mail` is `email`."""
    return "".join(each for each in header.casefold() if each.isalnum())


def says_standing(header: str) -> bool:
    """Tell whether a column says by its header who may get mail."""
    name = folded(header)
    is_said = any(part in name for part in _STANDINGS) or _STANDING.fullmatch(name) is not None
    return is_said and not name.endswith(_DETAILS)


def ranked(synonyms: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, int]]:
    """Return each folded header's field, and its rank among the headers of that field."""
    found: dict[str, tuple[str, int]] = {}
    for field, headers in synonyms.items():
        for rank, header in enumerate((folded(field), *headers)):
            found.setdefault(header, (field, rank))
    return found


# Of a person, in every kind of file. The first header of a field that a file has counts.
OF_PERSON: Mapping[str, tuple[str, ...]] = {
    "email": (
        "emailaddress", "mail", "mailaddress", "primaryemail", "emailadresse", "mailadresse",
    ),
    "externalId": ("extid", "userid"),
    "firstName": ("fname", "givenname", "forename", "vorname", "first"),
    "lastName": ("lname", "surname", "familyname", "nachname", "last"),
    "timezone": ("tz",),
}  # fmt: skip
OF_PEOPLE: Mapping[str, tuple[str, ...]] = {
    **OF_PERSON,
    "tags": ("tag", "labels"),
    "lists": ("list", "listnames"),
    "status": (
        "subscriberstatus", "subscriptionstatus", "emailstatus", "memberstatus",
        "emailmarketingconsent", "emailconsent", "marketingstatus",
    ),
    "subscribed": (
        "issubscribed", "acceptsmarketing", "acceptsemailmarketing", "optin", "optedin",
        "emailoptin",
    ),
    "unsubscribed": (
        "unsubscribedfromemails", "isunsubscribed", "optout", "optedout", "emailoptout",
        "blocklisted", "blacklisted", "emailblacklisted", "donotemail", "donotmail",
        "hasoptedoutofemail", "abgemeldet",
    ),
    "bounced": ("hardbounced", "isbounced"),
    "complained": ("markedasspam", "reportedspam", "spamcomplaint"),
    "createdAt": (
        "created", "createdon", "createdate", "creationdate", "dateadded", "addedat", "addedtime",
        "signupdate", "signedupat", "subscribedat", "erstelltam", "angelegtam", "angemeldetam",
        "anmeldedatum",
    ),
    "unsubscribedAt": (
        "unsubtime", "unsubscribetime", "unsubscribedate", "unsubscribeddate", "optouttime",
        "optoutdate", "abgemeldetam", "abmeldedatum",
    ),
    "bouncedAt": ("cleantime", "bouncetime", "bouncedate"),
    "suppressedFor": ("emailsuppressions", "suppressed"),
    "consentAt": (
        "confirmtime", "confirmedat", "consenttimestamp", "consenttime", "consentdate",
        "optindate", "doubleoptinat",
    ),
    "consentChangedAt": ("emailmarketingconsenttimestamp",),
    "consentIp": ("confirmip",),
    "signedUpAt": ("optintime",),
    "signedUpIp": ("optinip",),
}  # fmt: skip
OF_EVENTS: Mapping[str, tuple[str, ...]] = {
    **OF_PERSON,
    # As products that collect events name it beside them.
    "email": (
        *OF_PERSON["email"], "contexttraitsemail", "personpropertiesemail",
        "customeridentifiersemail",
    ),
    "name": ("eventname", "eventtext", "event"),
    "eventId": ("messageid", "insertid"),
    "occurredAt": (
        "timestamp", "eventtime", "eventtimestamp", "happenedat", "createdat", "datetime", "time",
    ),
}  # fmt: skip
