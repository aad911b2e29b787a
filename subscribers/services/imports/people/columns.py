"""Columns of subscriber files, and how their cells become the API's values."""

from collections.abc import Mapping
from typing import Any

from subscribers.rows import address_cells
from subscribers.rows.columns import (
    FULL_NAME,
    IDENTITIES,
    NOBODY_NAMED,
    ColumnReader,
    Fields,
    read_names,
)
from subscribers.rows.headers import OF_PEOPLE, ranked
from subscribers.rows.plans import NO_PLAN, ColumnPlan
from subscribers.rows.row import Row
from subscribers.rows.status_words import (
    ACTIVE,
    BOUNCED,
    GONE,
    GRAVEST_FIRST,
    STATUS_BY_FLAG,
    SUBSCRIBED,
    UNSUBSCRIBED,
    flag_of,
    reasons_in,
    status_of,
)
from subscribers.rows.typed_cells import object_cell
from subscribers.services.imports.people.drafts import SubscriberDraft, parse_draft
from subscribers.wire import profile
from subscribers.wire.payloads import Fault, InvalidRequest

COLUMNS = frozenset({
    "email", "externalId", *(text.wire_name for text in profile.TEXTS), "customAttributes", "tags",
    "lists", "status", "createdAt", "unsubscribedAt",
    "consentAt", "consentIp", "consentUserAgent", "consentMethod", FULL_NAME, SUBSCRIBED,
    *STATUS_BY_FLAG, "consentChangedAt", "bouncedAt", "suppressedFor", "signedUpAt", "signedUpIp",
})  # fmt: skip
TIMES = frozenset({
    "createdAt", "unsubscribedAt", "bouncedAt", "consentAt", "consentChangedAt", "signedUpAt",
})  # fmt: skip
FLAGS = (SUBSCRIBED, *STATUS_BY_FLAG)
UNKNOWN_WORD = (
    "is “{}”, a word that is not known: say with --value status:WORD=unsubscribed what it means; "
    "there are active, unsubscribed, bounced, complained and pending."
)
# What a row's status is made of.
_STATUSES = frozenset({"status", "bouncedAt", "suppressedFor", *FLAGS})
# Any of these is a claim of consent.
PROOFS = frozenset({"consentAt", "consentChangedAt", "signedUpAt"})
# What a file of people must have: the fields, and what to do without them.
NEEDS = ((IDENTITIES, NOBODY_NAMED),)


class RowReader:
    """Turns rows into drafts; caches the columns of the current file."""

    def __init__(self, *, plan: ColumnPlan = NO_PLAN, attributes_bytes: int) -> None:
        self._columns = ColumnReader(fields=FIELDS, plan=plan)
        self._attributes_bytes = attributes_bytes
        self._plan = plan
        self._is_said = any(status for _, status in plan.files)
        # Of rows without one.
        self._status = plan.values.get("status", {}).get("")
        # The rows of a request were checked as they are.
        self._is_file = bool(plan.columns)

    def read(self, row: Row) -> SubscriberDraft:
        """Return a row's draft; raises `InvalidRequest`, or `InvalidFile` for bad columns."""
        if row.fields is None:
            raise InvalidRequest(Fault("", "cannot be read."))
        body = self._columns.body(row.fields, row.columns)
        said = self._plan.said_of_file(row.file_index).get("status") if self._is_said else None
        word = body.get("status")
        if self._status and word is None:
            body = {**body, "status": self._status}
        if said or not body.keys().isdisjoint(_STATUSES):
            body = _with_one_status(body, said, is_file=self._is_file)
        if "consentChangedAt" in body:
            body = _with_consent(body, status_of(word) if isinstance(word, str) else None)
        if "signedUpAt" in body:
            body = _with_sign_up(body)
        try:
            return parse_draft(body, attributes_bytes=self._attributes_bytes)
        except InvalidRequest as error:
            bare = None
            if self._is_file and any(fault.path == "email" for fault in error.faults):
                bare = address_cells.bared(body)
            if bare is None:
                raise
        return parse_draft(bare, attributes_bytes=self._attributes_bytes)


def _with_one_status(
    body: Mapping[str, Any], of_file: str | None, *, is_file: bool
) -> Mapping[str, Any]:
    """Return the row with its status in our word: the gravest that it and its file say."""
    given = body.get("status")
    said = [of_file] if of_file else []
    said += [status_of(given) or given.strip()] if isinstance(given, str) else []
    said += [BOUNCED] if body.get("bouncedAt") else []
    said += reasons_in(body.get("suppressedFor") or "")
    for flag in FLAGS:
        value = body.get(flag)
        if value is None:
            continue
        is_said = flag_of(value)
        if is_said is None:
            raise InvalidRequest(Fault(flag, "is neither yes nor no."))
        if flag == SUBSCRIBED:
            said += [] if is_said else [UNSUBSCRIBED]
        elif is_said:
            said.append(STATUS_BY_FLAG[flag])
    unknown = [each for each in said if each not in GRAVEST_FIRST]
    if unknown and is_file:
        raise InvalidRequest(Fault("status", UNKNOWN_WORD.format(unknown[0][:40])))
    found = unknown or [each for each in GRAVEST_FIRST if each in said]
    return {**body, "status": found[0] if found else given}


def _with_consent(body: Mapping[str, Any], said: str | None) -> Mapping[str, Any]:
    """Return the row with its consent's last change as consent, or as the end of it.

    `said` is the status of the consent; the row may have left or bounced otherwise.
    """
    changed = body["consentChangedAt"]
    if said == UNSUBSCRIBED:
        return {"unsubscribedAt": changed, **body}
    is_over = body.get("status") in GONE or body.get("unsubscribedAt") is not None
    return body if is_over and said != ACTIVE else {"consentAt": changed, **body}


def _with_sign_up(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the row with its sign-up as creation, and as consent where it has no other."""
    at = body["signedUpAt"]
    if body.get("consentAt") is None:
        body = {**body, "consentAt": at, "consentIp": body.get("signedUpIp")}
    return {"createdAt": at, **body}


def _text_cell(text: str) -> str | None:
    return None if text.isspace() else text


FIELDS = Fields(
    cells={
        **dict.fromkeys(sorted(COLUMNS), _text_cell),
        "customAttributes": object_cell,
        "tags": read_names,
        "lists": read_names,
    },
    prefix="attributes.",
    object_name="customAttributes",
    is_strict=True,
    times=TIMES,
    names=frozenset({"tags", "lists"}),
    synonyms=ranked(OF_PEOPLE),
)
