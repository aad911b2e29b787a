"""What is known of the people that other products export: `--from NAME`.

A header is told by its letters and digits alone. What a preset does not name is read as in any
other file, and what nothing reads becomes an attribute, as a product's own fields are columns too.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from functools import partial
from itertools import chain, permutations
from pathlib import PurePath

import msgspec

from subscribers.rows.columns import FULL_NAME
from subscribers.rows.headers import STANDINGS, folded, says_standing
from subscribers.rows.status_words import ACTIVE, BOUNCED, COMPLAINED, PENDING, UNSUBSCRIBED
from subscribers.rows.survey import ERROR, Wishes
from subscribers.rows.times import DAY_FIRST
from subscribers.services.imports.people.columns import FIELDS


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """The form of a product's files; headers and words are folded."""

    title: str
    # Where the form is described; what is not described there is said to be so.
    source: str
    # The field of each column; empty: the product's own, not read.
    columns: Mapping[str, str]
    # The headers that a file of the product has and hardly another one.
    marks: frozenset[str]
    # By field, what a word stands for.
    values: Mapping[str, Mapping[str, str]] = {}
    # How the names of files begin, and the status of the people in them.
    files: Mapping[str, str] = {}
    # The headers that say it of a file with another name.
    headers: Mapping[str, str] = {}
    # Files of people without addresses, by how their names begin.
    skipped: tuple[str, ...] = ()
    # Of times without a zone; empty: the workspace's.
    zone: str = ""
    # The form of times in which day and month could be either.
    either: str = ""

    def is_read(self, name: str) -> bool:
        return not _begin_of(name).startswith(self.skipped or ("\0",))

    def status_in(self, file: str, columns: Iterable[str] = ()) -> str:
        """Return the status that a file's name, or else its header, says of its people."""
        begin, headers = _begin_of(file), set(map(folded, columns))
        by_name = (each for start, each in self.files.items() if begin.startswith(start))
        by_header = (each for header, each in self.headers.items() if header in headers)
        return next(by_name, "") or next(by_header, "")

    def says_who_left(self, wishes: Wishes, *, file: str, columns: Collection[str]) -> bool:
        """Tell whether a file says who may get mail, by completed wishes; also what they ignore."""
        said = {*wishes.constants, *wishes.map.values()}
        for column in {*columns} - wishes.map.keys():
            field = wishes.preset_rest and wishes.preset_rest(column, columns)
            said.add(FIELDS.synonyms.get(folded(column), ("", 0))[0] if field is None else field)
        return bool(self.status_in(file, columns) or said & STANDINGS)

    def completed(self, wishes: Wishes) -> Wishes:
        """Return the wishes with what is known of the columns; what is wished counts first."""
        values = {field: dict(words) for field, words in self.values.items()}
        for field, words in wishes.values.items():
            values[field] = values.get(field, {}) | words
        wished = {*wishes.map.values(), *wishes.constants} - FIELDS.names
        return msgspec.structs.replace(
            wishes, values=values, either=self.either, preset_rest=partial(self._field_of, wished)
        )

    def _field_of(self, wished: Set[str], column: str, beside: Collection[str]) -> str | None:
        """Return the field of a column; empty for none, None for one as in any other file."""
        header = folded(column)
        field = self.columns.get(header)
        if field is None:
            is_known = column in FIELDS or header in FIELDS.synonyms or column == ERROR
            return None if is_known or says_standing(column) else f"{FIELDS.prefix}{column}"
        if not field or field in wished:
            return ""
        alike = (each for each in beside if self.columns.get(folded(each)) == field)
        if next(alike, column) == column:
            return field
        # A second column that says who left is never left out in silence.
        return None if field in STANDINGS else ""


def fitting(columns: Iterable[str]) -> str | None:
    """Return the name of the preset whose marks a file's header has."""
    headers = frozenset(map(folded, columns))
    return next((name for name, each in PRESETS.items() if each.marks <= headers), None)


def needed_for(*, file: str, columns: Collection[str]) -> str | None:
    """Return the preset without which nobody knows what the name of a file says of its people."""
    name = fitting(columns)
    is_said = name is not None and PRESETS[name].status_in(file) not in {"", ACTIVE}
    return name if is_said else None


def _begin_of(file: str) -> str:
    return folded(PurePath(file).name)


def _own(*headers: str) -> dict[str, str]:
    return dict.fromkeys(headers, "")


def _channels() -> dict[str, str]:
    """Return whether a list of channels has email, such as `[email_marketing|sms_marketing]`."""
    others = ("smsmarketing", "whatsappmarketing")
    email = "emailmarketing"
    lists = chain.from_iterable(permutations((email, *others), n) for n in (1, 2, 3))
    return {"".join(each): "yes" if email in each else "no" for each in lists} | {"[]": "no"}


PRESETS: Mapping[str, Preset] = {
    "mailchimp": Preset(
        title="Mailchimp",
        source=(
            "Files of the export of an audience in TryGhost/migrate (mg-mailchimp-members, test "
            "fixtures); the API reference of members for what OPTIN (timestamp_signup) and CONFIRM "
            "(timestamp_opt) mean. Older exports say segment or members for email_audience in the "
            "names of files. Readers of these files take times as UTC; no page says it."
        ),
        columns={
            "emailaddress": "email", "firstname": "firstName", "lastname": "lastName",
            "name": FULL_NAME, "optintime": "signedUpAt", "optinip": "signedUpIp",
            "confirmtime": "consentAt", "confirmip": "consentIp", "unsubtime": "unsubscribedAt",
            "cleantime": "bouncedAt", "timezone": "timezone", "tags": "tags",
            **_own(
                "memberrating", "latitude", "longitude", "gmtoff", "dstoff", "lastchanged", "leid",
                "euid", "unsubcampaigntitle", "unsubcampaignid", "unsubreason",
                "unsubreasonother", "cleancampaigntitle", "cleancampaignid",
            ),
        },
        marks=frozenset({"leid", "euid"}),
        # Contacts of nonsubscribed_… bought or signed up otherwise, and never agreed.
        files={
            "subscribed": ACTIVE, "unsubscribed": UNSUBSCRIBED, "cleaned": BOUNCED,
            "nonsubscribed": UNSUBSCRIBED,
        },
        headers={"unsubtime": UNSUBSCRIBED, "cleantime": BOUNCED},
        skipped=("smsonly",),
        zone="UTC",
    ),
    "klaviyo": Preset(
        title="Klaviyo",
        source=(
            "help.klaviyo.com: how to export a list or segment to a CSV file, consent in profiles, "
            "email suppressions; the reasons of suppressions from the API; headers as in public "
            "readers of such files."
        ),
        columns={
            "email": "email", "firstname": "firstName", "lastname": "lastName",
            "emailmarketingconsent": "status", "emailmarketingconsenttimestamp": "consentChangedAt",
            "emailsuppressions": "suppressedFor", "profilecreatedon": "createdAt",
            "consentmethod": "consentMethod", "consenttimestamp": "consentAt",
            **_own(
                "klaviyoid", "ipaddress", "latitude", "longitude", "firstactive", "lastactive",
                "lastopen", "lastclick", "historiccustomerlifetimevalue",
                "totalcustomerlifetimevalue", "predictedcustomerlifetimevalue",
                "averageordervalue", "historicnumberoforders", "averagedaysbetweenorders",
                "consent", "consentformid", "consentformversion",
                # Of other channels.
                "smsmarketingconsent", "smsmarketingconsenttimestamp", "smstransactionalconsent",
                "smssuppressions", "whatsappmarketingconsent", "whatsapptransactionalconsent",
                "mobilepushconsent",
            ),
        },
        # Without a word nobody agreed.
        values={"status": {"": UNSUBSCRIBED}},
        marks=frozenset({"klaviyoid"}),
        zone="UTC",
    ),
    "brevo": Preset(
        title="Brevo",
        source=(
            "developers.brevo.com: request a contact export (EMAIL, ADDED_TIME, MODIFIED_TIME, "
            "_listIds, subscription status of email_marketing and sms_marketing, dates not in UTC "
            "by default); help.brevo.com: format a file of contacts (; , or tab; CONTACT ID, SMS, "
            "LANDLINE_NUMBER). _SUBSCRIBED, _BLOCKLISTED and days first from public readers."
        ),
        columns={
            "email": "email", "firstname": "firstName", "lastname": "lastName",
            "extid": "externalId", "addedtime": "createdAt", "blocklisted": "unsubscribed",
            "subscribed": "subscribed", "doubleoptin": "attributes.doubleOptIn",
            **_own("contactid", "modifiedtime", "listids"),
        },
        values={"unsubscribed": _channels(), "subscribed": _channels()},
        marks=frozenset({"addedtime", "modifiedtime"}),
        either=DAY_FIRST,
    ),
    "listmonk": Preset(
        title="listmonk",
        source="knadh/listmonk, cmd/subscribers.go, ExportSubscribers; times as Go prints them.",
        columns={
            "email": "email", "name": FULL_NAME, "attributes": "customAttributes",
            "status": "status", "createdat": "createdAt", **_own("uuid", "updatedat"),
        },
        values={
            "status": {
                "enabled": ACTIVE, "disabled": UNSUBSCRIBED, "blocklisted": UNSUBSCRIBED,
            },
        },
        marks=frozenset({"uuid", "attributes", "status", "updatedat"}),
        zone="UTC",
    ),
    "customerio": Preset(
        title="Customer.io",
        source=(
            "docs.customer.io: export customer data (a column for each attribute), reserved "
            "attributes (id, cio_id, email, unsubscribed, created_at in seconds); headers as in "
            "public readers of such files."
        ),
        columns={
            "email": "email", "id": "externalId", "unsubscribed": "unsubscribed",
            "createdat": "createdAt",
            **_own(
                "cioid", "createdincustomerioat", "ciosubscriptionpreferences",
                "ciosubscriptionpreferencescomputed", "cioemailtrackingconsent", "timezonevalid",
            ),
        },
        marks=frozenset({"cioid"}),
        zone="UTC",
    ),
    "kit": Preset(
        title="Kit",
        source=(
            "help.kit.com: subscriber states (confirmed, unconfirmed, cancelled, cold, bounced, "
            "complained), tags separated by commas; developers.kit.com: the state inactive is "
            "unconfirmed; headers and names of files (Confirmed Subscribers.csv) as in public "
            "readers of such files."
        ),
        columns={
            "email": "email", "firstname": "firstName", "status": "status",
            "createdat": "createdAt", "tags": "tags", **_own("id", "subscriberid"),
        },
        values={
            "status": {
                "confirmed": ACTIVE, "cold": ACTIVE, "inactive": PENDING, "unconfirmed": PENDING,
                "cancelled": UNSUBSCRIBED,
            },
        },
        marks=frozenset({"email", "firstname", "status", "createdat", "tags", "referrer"}),
        files={
            "cancelledsubscribers": UNSUBSCRIBED, "bouncedsubscribers": BOUNCED,
            "complainedsubscribers": COMPLAINED, "unconfirmedsubscribers": PENDING,
        },
        zone="UTC",
    ),
}  # fmt: skip
