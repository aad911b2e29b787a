"""Decides in memory what rows do, in order.

A row about a subscriber of an earlier row must wait until that one is written.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from subscribers.ids import new_id
from subscribers.models import ConsentRecord, Subscriber
from subscribers.services.audience.subscribers import changed_attributes, merge_attributes
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.unsubscribing import LEAVING
from subscribers.services.imports.people import known_people
from subscribers.services.imports.people.audience import Audience
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import ImportOptions
from subscribers.services.imports.people.plan import BatchPlan, Taken
from subscribers.services.imports.people.standing import (
    Standing,
    reason_of,
    says_gone,
    says_left,
    standing_of,
    suppressions_status,
)
from subscribers.wire.payloads import Fault, InvalidRequest

Status = Subscriber.Status
Kind = ConsentRecord.Kind


class Planner:
    def __init__(self, *, options: ImportOptions, audience: Audience, now: datetime) -> None:
        self.options = options
        self.audience = audience
        self.now = now
        self.plan = BatchPlan()

    def take(self, draft: SubscriberDraft) -> Taken:
        """Plan a row, or raise `InvalidRequest`, `IdentityConflict` or `SubscriberNotFound`."""
        stored = self.audience.choose(draft.person)
        is_gone = says_gone(draft) and not self.options.keeps_status
        is_skipped = stored is not None and self.options.skips_known and not is_gone
        if stored is not None and stored.pk in self.plan.touched and not is_skipped:
            return Taken.LATER
        self._check_times(draft)
        list_ids = self._list_ids(draft)
        if stored is None:
            self._create(draft, list_ids)
            return Taken.CREATED
        if is_skipped:
            return Taken.DUPLICATE
        before = stored.status
        if not self._change(stored, draft, list_ids):
            return Taken.DUPLICATE
        return Taken.LEFT if is_gone and stored.status != before else Taken.CHANGED

    def _check_times(self, draft: SubscriberDraft) -> None:
        latest = self.now + self.options.furthest_ahead
        times = {
            "createdAt": draft.created_at,
            "unsubscribedAt": draft.unsubscribed_at,
            "consentAt": draft.consent.at,
        }
        seconds = int(self.options.furthest_ahead.total_seconds())
        message = f"is more than {seconds} seconds ahead of the server's clock."
        late = [name for name, at in times.items() if at is not None and at > latest]
        if late:
            raise InvalidRequest(*(Fault(name, message) for name in late))

    def _list_ids(self, draft: SubscriberDraft) -> list[UUID] | None:
        """Return the lists that the row names, None without a column for lists."""
        if draft.lists is None:
            return None
        known = self.audience.list_ids
        for name in draft.lists:
            if name not in known:
                advice = f"which the workspace does not have{self.options.advice_for_lists}"
                raise InvalidRequest(Fault("lists", f'names "{name}", {advice}'))
        return [known[name] for name in draft.lists]

    def _create(self, draft: SubscriberDraft, list_ids: list[UUID] | None) -> None:
        address = draft.person.email
        if address is None:
            # `choose` has refused the row.
            raise InvalidRequest(Fault("email", "is needed to create a subscriber."))
        standing = standing_of(
            draft=draft,
            options=self.options,
            suppressed_for=self.audience.suppressed_for.get(address.key),
            now=self.now,
        )
        person = Subscriber(
            id=new_id(),
            workspace=self.options.workspace,
            email=address.text,
            email_key=address.key,
            external_id=draft.person.external_id,
            **draft.person.texts,
            status=standing.status,
            attributes=merge_attributes({}, draft.person.attributes),
            created_at=min(draft.created_at or self.now, self.now),
            updated_at=self.now,
            unsubscribed_at=standing.unsubscribed_at,
        )
        self.plan.created.append(person)
        self.plan.touched.add(person.pk)
        self.audience.add(person)
        if list_ids is None:
            is_active = standing.status == Status.ACTIVE
            list_ids = list(self.audience.default_list_ids) if is_active else []
        self.plan.tags += [(person, name) for name in draft.tags]
        self.plan.lists += [(person, list_id) for list_id in list_ids]
        self._settle_new(person, draft, standing)

    def _settle_new(self, person: Subscriber, draft: SubscriberDraft, standing: Standing) -> None:
        plan = self.plan
        if standing.has_agreed:
            plan.lines.append(self._agreed(person, draft))
        if standing.has_left:
            plan.lines.append(self._line(person, Kind.LEFT, at=standing.unsubscribed_at))
        reason = reason_of(draft)
        if reason is not None:
            plan.to_suppress.append((person, reason))
        if standing.is_asked:
            plan.asked.append(person)
        elif standing.is_unanswered:
            is_open = standing.status == Status.PENDING
            (plan.open_questions if is_open else plan.closed_questions).append(person)

    def _change(
        self, stored: Subscriber, draft: SubscriberDraft, list_ids: list[UUID] | None
    ) -> bool:
        """Plan changes to a known subscriber; False when there are none."""
        changes = known_people.changes_to(stored=stored, draft=draft, options=self.options)
        tags, joined, has_line = [], [], False
        if not self.options.skips_known:
            own_tags, own_lists = self.audience.tags[stored.pk], self.audience.lists[stored.pk]
            tags = [name for name in draft.tags if name not in own_tags]
            joined = [each for each in list_ids or () if each not in own_lists]
            has_line = self._plan_consent(stored, draft)
        if not self.options.keeps_status:
            changes |= self._plan_standing(stored, draft)
        if tags:
            changes["tags_version"] = stored.tags_version + 1
        after = changes.get("attributes", stored.attributes)
        self.plan.attribute_names |= changed_attributes(stored.attributes, after)
        for name, value in changes.items():
            setattr(stored, name, value)
        self.plan.tags += [(stored, name) for name in tags]
        self.plan.lists += [(stored, list_id) for list_id in joined]
        if changes:
            stored.updated_at = self.now
            self.plan.changed.append(stored)
            # A later row may name its new external id.
            self.audience.add(stored)
        is_changed = bool(changes or joined or has_line)
        if is_changed:
            self.plan.touched.add(stored.pk)
        return is_changed

    def _plan_consent(self, stored: Subscriber, draft: SubscriberDraft) -> bool:
        """Plan a consent record unless the subscriber has one already."""
        is_said = draft.consent.at is None or stored.pk in self.audience.agreed
        if is_said or stored.status == Status.PENDING:
            return False
        self.plan.lines.append(self._agreed(stored, draft))
        return True

    def _plan_standing(self, stored: Subscriber, draft: SubscriberDraft) -> dict[str, object]:
        """Plan a bounce, complaint or unsubscribe; returns the changed columns."""
        changes: dict[str, object] = {}
        left_at = (draft.unsubscribed_at or self.now) if says_left(draft) else None
        if left_at and stored.unsubscribed_at is None:
            # After a bounce too, so that removing the suppression makes them unsubscribed.
            changes["unsubscribed_at"] = left_at
        reason = reason_of(draft)
        status = suppressions_status(reason)
        if reason and status and stored.status not in {status, Status.COMPLAINED}:
            if stored.status == Status.UNSUBSCRIBED and stored.unsubscribed_at is None:
                changes.setdefault("unsubscribed_at", self.now)
            changes["status"] = status
            self.plan.to_suppress.append((stored, reason))
            self.plan.suppressed.append(stored)
        elif left_at and stored.status in LEAVING:
            changes |= {"status": Status.UNSUBSCRIBED, "unsubscribed_at": left_at}
            self.plan.leaving.append(stored)
            self.plan.lines.append(self._line(stored, Kind.LEFT, at=left_at))
        return changes

    def _agreed(self, person: Subscriber, draft: SubscriberDraft) -> ConsentRecord:
        consent = draft.consent
        claimed = replace(self.options.circumstances, ip=consent.ip, user_agent=consent.user_agent)
        return self._line(
            person, Kind.CONFIRMED, at=consent.at, circumstances=claimed, reason=consent.method
        )

    def _line(
        self,
        person: Subscriber,
        kind: ConsentRecord.Kind,
        *,
        at: datetime | None,
        circumstances: Circumstances | None = None,
        reason: str = "",
    ) -> ConsentRecord:
        return ledger.line_of_address(
            workspace=self.options.workspace,
            email_key=person.email_key,
            subscriber=person,
            kind=kind,
            circumstances=circumstances or self.options.circumstances,
            now=at or self.now,
            method=self.options.source,
            reason=reason,
        )
