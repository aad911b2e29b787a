"""`/suppressions`: addresses that get no mail, and how one gets mail again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from subscribers import ids
from subscribers.api import totals
from subscribers.api.calls import Answered, ResourceView, Shape, reads, writes
from subscribers.api.declared import InPath
from subscribers.api.errors import ApiError
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.values import Count, SubscriberId, one_of, whole_number_word
from subscribers.models import Subscriber, Suppression
from subscribers.models.api_key import Scope
from subscribers.services.consent import suppressions
from subscribers.wire import addresses
from subscribers.wire.addresses import Address
from subscribers.wire.payloads import Fault, read_text

DEEPEST = 10_000
Reason = Suppression.Reason
# Of the hosted product's two words, the one that an application can act on.
WORDS = {Reason.COMPLAINT: "complaint"}
TYPES = {
    Reason.HARD_BOUNCE: "invalid_recipient",
    Reason.COMPLAINT: "complaint",
    Reason.MANUAL: "manual",
    Reason.ERASED: "erased",
}
SORTS = {"suppressedAt": "id", "email": "email", "status": "reason"}


def _read_search(value: object) -> str:
    return read_text(value, longest=addresses.LONGEST)


def _read_address(text: str) -> Address:
    try:
        return addresses.parse(text)
    except addresses.InvalidAddress as error:
        raise ApiError("VALIDATION_ERROR", f"The address {error}") from error


AddressOfPath = Annotated[Address, InPath(_read_address, {"type": "string"})]


@inputs
class OneSuppressionQuery(Inputs):
    # The hosted product's delivery service has several.
    unused = frozenset({"region"})


@inputs
class SuppressionsQuery(Inputs):
    unused = OneSuppressionQuery.unused

    page: Annotated[int, whole_number_word(1, DEEPEST)] = 1
    limit: Annotated[int, whole_number_word(1, 100)] = 50
    # The beginning of an address.
    search: Annotated[str, Reads(_read_search, {"type": "string"})] = ""
    sort: Annotated[str, one_of(*SORTS)] = "suppressedAt"
    order: Annotated[str, one_of("asc", "desc")] = "desc"

    def find_faults(self) -> Iterator[Fault]:
        if self.page * self.limit > DEEPEST:
            yield Fault("page", f"goes beyond the first {DEEPEST:,}.")


class SuppressionShape(Shape, kw_only=True):
    """`email` is empty where the person was erased; `delistable`: this API may lift it."""

    email: str
    reason: str
    suppression_type: str
    scope: str
    source: str
    suppressed_at: datetime
    delistable: bool
    bounce_count: Count


class SuppressionsAnswer(Answered, kw_only=True):
    """`total` is exact to 10,000, and null beyond."""

    suppressions: list[SuppressionShape]
    page: Count
    limit: Count
    total: Count | None
    has_more: bool
    sort_by: str
    sort_order: str


class Local(Shape, kw_only=True):
    suppressed: bool
    reason: str | None = None
    scope: str | None = None
    source: str | None = None
    suppression_id: str | None = None
    suppression_type: str | None = None
    delistable: bool | None = None


class Remote(Shape, kw_only=True):
    """The hosted product's delivery service; Cueline keeps no list outside its database."""

    entries: list[str]
    regions_checked: list[str]


class OneSuppression(Shape, kw_only=True):
    email: str
    suppressed: bool
    known_recipient: bool
    local: Local
    ses: Remote


class SuppressionAnswer(Answered, kw_only=True):
    suppression: OneSuppression


class LiftedAnswer(Answered, kw_only=True):
    email: str
    removed: bool
    removed_local_bounce: bool
    reactivated_subscriber_ids: list[SubscriberId]
    remaining_suppression: Local
    removed_ses_regions: list[str]


class SuppressionsView(ResourceView):
    @reads("Addresses that get no mail", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: SuppressionsQuery) -> SuppressionsAnswer:
        rows = Suppression.objects.filter(workspace=self.workspace)
        if asked.search:
            rows = rows.filter(email__istartswith=asked.search)
        sign = "-" if asked.order == "desc" else ""
        first = (asked.page - 1) * asked.limit
        ordered = rows.order_by(f"{sign}{SORTS[asked.sort]}", f"{sign}id")
        found = list(ordered[first : first + asked.limit + 1])
        return SuppressionsAnswer(
            suppressions=[_shape(row) for row in found[: asked.limit]],
            page=asked.page,
            limit=asked.limit,
            total=totals.exact(rows),
            has_more=len(found) > asked.limit,
            sort_by=asked.sort,
            sort_order=asked.order,
        )


class SuppressionView(ResourceView):
    @reads("Whether an address gets mail", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: OneSuppressionQuery, *, address: AddressOfPath) -> SuppressionAnswer:
        row = suppressions.find(workspace=self.workspace, email_key=address.key)
        people = Subscriber.objects.in_workspace(self.workspace).filter(email_key=address.key)
        return SuppressionAnswer(
            suppression=OneSuppression(
                email=address.text,
                suppressed=row is not None,
                known_recipient=people.exists(),
                local=_local(row),
                ses=Remote(entries=[], regions_checked=[]),
            )
        )

    @writes(
        "Let an address get mail again",
        scope=Scope.SUBSCRIBERS_WRITE,
        description="Only after a bounce that the API or an import claimed; an operator lifts the "
        "others in the admin.",
    )
    def delete(self, asked: OneSuppressionQuery, *, address: AddressOfPath) -> LiftedAnswer:
        row = suppressions.find(workspace=self.workspace, email_key=address.key)
        if row is None:
            raise ApiError("NOT_FOUND", "The address is not suppressed.")
        lifted = suppressions.lift(
            workspace=self.workspace,
            address=address.text,
            reason="Lifted by the API.",
            source=suppressions.SuppressionSource.API,
            now=self.now,
            circumstances=self.circumstances,
            may_lift=_is_delistable,
        )
        person = lifted.subscriber if lifted and lifted.is_reactivated else None
        return LiftedAnswer(
            email=address.text,
            removed=lifted is not None,
            removed_local_bounce=lifted is not None,
            reactivated_subscriber_ids=[person.public_id] if person else [],
            remaining_suppression=_local(None),
            removed_ses_regions=[],
        )


def _is_delistable(row: Suppression) -> bool:
    """Tell whether an application may lift it: only a bounce that a caller or a file claimed."""
    return row.reason == Reason.HARD_BOUNCE and row.source in suppressions.CLAIMS


def _shape(row: Suppression) -> SuppressionShape:
    return SuppressionShape(
        email=row.email,
        reason=WORDS.get(Reason(row.reason), "bounced"),
        suppression_type=TYPES[Reason(row.reason)],
        scope="company",
        source=row.source,
        suppressed_at=row.created_at,
        delistable=_is_delistable(row),
        bounce_count=row.bounces,
    )


def _local(row: Suppression | None) -> Local:
    if row is None:
        return Local(suppressed=False)
    shape = _shape(row)
    return Local(
        suppressed=True,
        reason=shape.reason,
        scope=shape.scope,
        source=shape.source,
        suppression_id=ids.encode("sup", row.pk),
        suppression_type=shape.suppression_type,
        delistable=shape.delistable,
    )
