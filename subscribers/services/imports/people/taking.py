"""Takes people in: plans and writes drafts, for files and for the API alike."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import OperationalError, transaction

from subscribers.models import Subscriber
from subscribers.services.audience.subscribers import ROUNDS, IdentityConflict, SubscriberNotFound
from subscribers.services.consent.asking import Asked
from subscribers.services.imports.people import audience as audiences
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import ImportOptions
from subscribers.services.imports.people.plan import Taken
from subscribers.services.imports.people.planner import Planner
from subscribers.services.imports.people.writing import SomebodyWasFaster, write
from subscribers.wire.payloads import Fault, InvalidRequest

# A draft, or what is wrong with a row that is none.
Given = SubscriberDraft | tuple[Fault, ...]


class DraftResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one draft: `taken` and `person`, or the faults, with the error's code."""

    taken: Taken | None = None
    person: Subscriber | None = None
    faults: tuple[Fault, ...] = ()
    code: str = InvalidRequest.code


class TakenIn(msgspec.Struct, frozen=True, kw_only=True):
    """The results in the order of the drafts, and who was asked to confirm."""

    results: list[DraftResult]
    asked: dict[UUID, Asked]

    @property
    def confirmations_queued(self) -> int:
        return sum(each.is_queued for each in self.asked.values())


def take_in(*, options: ImportOptions, given: Sequence[Given], now: datetime) -> TakenIn:
    """Take people in, in order and in the caller's transaction, with a few statements for many.

    A draft about a subscriber of an earlier draft waits until that one is written.
    """
    if options.creates_lists:
        audiences.create_lists(options=options, drafts=_drafts(given))
    done = TakenIn(results=[], asked={})
    while len(done.results) < len(given):
        part = _take_first(options, given[len(done.results) :], now)
        done.results.extend(part.results)
        done.asked.update(part.asked)
    return done


def _take_first(options: ImportOptions, waiting: Sequence[Given], now: datetime) -> TakenIn:
    """Take in drafts up to the first that must wait. When another request creates one of the new
    subscribers first, half as many are tried, or a large batch could lose forever.
    """
    for _ in range(ROUNDS):
        try:
            with transaction.atomic():
                audience = audiences.read(options=options, drafts=_drafts(waiting))
                planner = Planner(options=options, audience=audience, now=now)
                results = _plan_all(planner, waiting)
                asked = write(plan=planner.plan, options=options, now=now)
        except SomebodyWasFaster:
            waiting = waiting[: max(1, len(waiting) // 2)]
            continue
        return TakenIn(results=results, asked=asked)
    raise OperationalError("The subscribers' rows kept changing.")


def _plan_all(planner: Planner, waiting: Sequence[Given]) -> list[DraftResult]:
    results: list[DraftResult] = []
    for each in waiting:
        result = _plan(planner, each)
        if result.taken is Taken.LATER:
            break
        results.append(result)
    return results


def _plan(planner: Planner, given: Given) -> DraftResult:
    if not isinstance(given, SubscriberDraft):
        return DraftResult(faults=given)
    try:
        taken = planner.take(given)
        return DraftResult(taken=taken, person=planner.audience.choose(given.person))
    except InvalidRequest as error:
        return DraftResult(faults=tuple(error.faults))
    except (IdentityConflict, SubscriberNotFound) as error:
        return DraftResult(faults=(Fault("", str(error)),), code=error.code)


def _drafts(given: Sequence[Given]) -> list[SubscriberDraft]:
    return [each for each in given if isinstance(each, SubscriberDraft)]
