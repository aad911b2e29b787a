"""Calls to the same few people, each with what it does to the person by the contract."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.test import Client

from subscribers.models import Confirmation
from subscribers.services.consent import links
from tests.support.calling import BULK, Caller, Reply
from tests.support.one_order import Contradicted, Timed
from tests.support.resources import PEOPLE, send

TAGS = ["customer", "lead", "vip", "trial"]
KEYS = ["plan", "city", "seats"]
# By event: the tags that a rule adds, and those that it removes.
RULES: dict[str, tuple[list[str], list[str]]] = {
    "buy": (["customer"], ["lead"]),
    "ask": (["lead"], ["trial"]),
    "view": ([], []),
}
CONFIRMED, LEFT = "confirmed", "left"


class Person(NamedTuple):
    """What is known of somebody; `ledger` are the lines that calls of theirs wrote."""

    id: str
    status: str = "pending"
    first_name: str = ""
    last_name: str = ""
    attributes: frozenset[tuple[str, str]] = frozenset()
    tags: frozenset[str] = frozenset()
    ledger: tuple[str, ...] = ()
    events: frozenset[str] = frozenset()


class Place(NamedTuple):
    """An address: who has it now, and whether it is suppressed after somebody who left."""

    person: Person | None = None
    is_suppressed: bool = False


Done = Timed[Place]
Apply = Callable[[Place], Place]


def demand(claim: object) -> None:
    if not claim:
        raise Contradicted


def known(place: Place) -> Person:
    if place.person is None:
        raise Contradicted
    return place.person


def nobody(place: Place) -> Place:
    demand(place.person is None)
    return place


def is_shown(person: Person, shape: Any, *, with_tags: bool = True) -> bool:
    return (
        shape["id"] == person.id
        and shape["status"] == person.status
        and (shape["firstName"], shape["lastName"]) == (person.first_name, person.last_name)
        and shape["customAttributes"] == dict(person.attributes)
        and (not with_tags or set(shape["tags"]) == person.tags)
    )


def taken(place: Place, subscriber: Any) -> Person:
    """Return who a call found, or created, as its answer says."""
    if subscriber["created"]:
        nobody(place)
        return Person(id=subscriber["id"])
    person = known(place)
    demand(person.id == subscriber["id"])
    return person


@dataclass
class Crowd:
    """Everybody who calls, and what they were answered."""

    caller: Caller
    addresses: list[str]
    # The effects that are stored of each event, once the calls are over.
    effects: dict[str, Any] = field(default_factory=dict)
    done: dict[str, list[Done]] = field(default_factory=dict)
    # By event's public id, whom the answer named.
    events: dict[str, str] = field(default_factory=dict)
    statuses: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.done = {each: [] for each in self.addresses}

    def repeat(self, seed: int, calls: int) -> None:
        """Call again and again."""
        choose = random.Random(seed)  # noqa: S311 - cases, no secrets
        acts = [
            self.rename, self.rename, self.set_attribute, self.set_tags, self.set_tags, self.tag,
            self.untag, self.change_tags_of_several, self.report, self.report, self.report,
            self.create, self.confirm, self.confirm, self.leave, self.erase, self.read,
        ]  # fmt: skip
        try:
            for _ in range(calls):
                choose.choice(acts)(choose, choose.choice(self.addresses))
        finally:
            connection.close()

    def rename(self, choose: random.Random, address: str) -> None:
        word = uuid.uuid4().hex[:8]
        if choose.random() < 0.5:
            self._patch(
                address, {"firstName": word}, lambda person: person._replace(first_name=word)
            )
        else:
            self._patch(address, {"lastName": word}, lambda person: person._replace(last_name=word))

    def set_attribute(self, choose: random.Random, address: str) -> None:
        key, word = choose.choice(KEYS), uuid.uuid4().hex[:8]

        def change(person: Person) -> Person:
            kept = dict(person.attributes) | {key: word}
            return person._replace(attributes=frozenset(kept.items()))

        body = {"customAttributes": {key: word}, "customAttributesStrategy": "merge"}
        self._patch(address, body, change)

    def set_tags(self, choose: random.Random, address: str) -> None:
        chosen = choose.sample(TAGS, choose.randrange(len(TAGS)))
        self._patch(
            address, {"tags": chosen}, lambda person: person._replace(tags=frozenset(chosen))
        )

    def _patch(self, address: str, body: Any, change: Callable[[Person], Person]) -> None:
        began = time.monotonic()
        reply = send(self.caller, "PATCH", f"{PEOPLE}/{address}", body)

        def apply(place: Place) -> Place:
            if reply.status == 404:
                return nobody(place)
            person = change(known(place))
            demand(is_shown(person, reply.json["subscriber"]))
            return place._replace(person=person)

        self._note(address, f"PATCH {body}", began, reply, apply)

    def tag(self, choose: random.Random, address: str) -> None:
        self._tag(address, "", choose.choice(TAGS), lambda had, tag: had | {tag})

    def untag(self, choose: random.Random, address: str) -> None:
        self._tag(address, "/remove", choose.choice(TAGS), lambda had, tag: had - {tag})

    def _tag(
        self,
        address: str,
        path: str,
        tag: str,
        change: Callable[[frozenset[str], str], frozenset[str]],
    ) -> None:
        began = time.monotonic()
        reply = self.caller.post(f"{PEOPLE}/tags{path}", {"email": address, "tag": tag})

        def apply(place: Place) -> Place:
            subscriber = reply.json["subscriber"]
            person = taken(place, subscriber)
            person = person._replace(tags=change(person.tags, tag))
            demand(person.tags == set(subscriber["tags"]))
            return place._replace(person=person)

        self._note(address, f"tags{path} {tag}", began, reply, apply)

    def change_tags_of_several(self, choose: random.Random, _: str) -> None:
        chosen, tags = choose.sample(self.addresses, 3), frozenset(choose.sample(TAGS, 2))
        adds = choose.random() < 0.5
        began = time.monotonic()
        reply = self.caller.post(
            f"{PEOPLE}/bulk/tags/{'add' if adds else 'remove'}",
            {"emails": chosen, "tags": sorted(tags), "triggerAutomations": True},
        )

        def apply_to(address: str) -> Apply:
            def apply(place: Place) -> Place:
                if address in reply.json["notFound"]["emails"]:
                    return nobody(place)
                person = known(place)
                kept = person.tags | tags if adds else person.tags - tags
                return place._replace(person=person._replace(tags=kept))

            return apply

        for address in chosen:
            self._note(address, f"bulk {adds} {tags}", began, reply, apply_to(address))

    def report(self, choose: random.Random, address: str) -> None:
        names = choose.choices(list(RULES), k=choose.choice([1, 1, 2]))
        began = time.monotonic()
        reply = self.caller.post(
            BULK,
            {
                "email": address,
                "events": [{"name": name, "eventId": uuid.uuid4().hex} for name in names],
            },
        )
        if reply.status == 200:
            subscriber = reply.json["subscriber"]
            event_ids = [each["id"] for each in reply.json["events"]]
            self.events.update(dict.fromkeys(event_ids, subscriber["id"]))

        def apply(place: Place) -> Place:
            person = taken(place, subscriber)
            for name, event_id in zip(names, event_ids, strict=True):
                added, removed = map(set, RULES[name])
                stored = self.effects.get(event_id)
                if stored is not None:
                    demand({each["tag"] for each in stored["tagsAdded"]} == added - person.tags)
                    demand({each["tag"] for each in stored["tagsRemoved"]} == removed & person.tags)
                person = person._replace(
                    tags=(person.tags - removed) | added, events=person.events | {event_id}
                )
            return place._replace(person=person)

        self._note(address, f"events {names}", began, reply, apply)

    def create(self, choose: random.Random, address: str) -> None:
        word = uuid.uuid4().hex[:8]
        strategy = choose.choice(["skip", "overwrite"])
        body = {"email": address, "firstName": word, "duplicateStrategy": strategy}
        began = time.monotonic()
        reply = self.caller.post(PEOPLE, body)

        def apply(place: Place) -> Place:
            shape = reply.json["subscriber"]
            person = taken(place, shape)
            if shape["created"] or strategy == "overwrite":
                person = person._replace(first_name=word)
            demand(is_shown(person, shape, with_tags=strategy == "overwrite"))
            return place._replace(person=person)

        self._note(address, f"POST {strategy}", began, reply, apply)

    def confirm(self, _: random.Random, address: str) -> None:
        """Press the button of the page that the latest mail's link leads to."""
        questions = Confirmation.objects.filter(subscriber__email_key=address, closed_at=None)
        question = questions.select_related("subscriber").first()
        if question is None:
            return
        person_id = question.subscriber.public_id
        path = f"/c/{links.token(question, datetime.now(tz=UTC))}"
        began = time.monotonic()
        page = Client().post(path, {"by": "button"})
        has_thanked = b"Your address is confirmed" in page.content

        def apply(place: Place) -> Place:
            person = place.person
            if person is None or person.id != person_id:
                demand(not has_thanked)
                return place
            if person.status == "pending":
                # Without thanks they left, or were erased, before the page was made.
                person = person._replace(status="active", ledger=(CONFIRMED,))
                return place._replace(person=person)
            demand(has_thanked == (person.status == "active"))
            return place

        self._note(
            address,
            f"confirm {has_thanked}",
            began,
            Reply(page.status_code, None, page.headers),
            apply,
        )

    def leave(self, _: random.Random, address: str) -> None:
        began = time.monotonic()
        reply = self.caller.post(f"{PEOPLE}/{address}/unsubscribe", {})

        def apply(place: Place) -> Place:
            if reply.status == 404:
                return nobody(place)
            person = known(place)
            if person.status != "unsubscribed":
                person = person._replace(status="unsubscribed", ledger=(*person.ledger, LEFT))
            demand(is_shown(person, reply.json["subscriber"]))
            return place._replace(person=person)

        self._note(address, "unsubscribe", began, reply, apply)

    def erase(self, _: random.Random, address: str) -> None:
        began = time.monotonic()
        reply = send(self.caller, "DELETE", f"{PEOPLE}/{address}")

        def apply(place: Place) -> Place:
            if reply.status == 404:
                return nobody(place)
            has_left = known(place).status == "unsubscribed"
            demand(reply.json["isSuppressed"] == (place.is_suppressed or has_left))
            return Place(is_suppressed=place.is_suppressed or has_left)

        self._note(address, "DELETE", began, reply, apply)

    def read(self, _: random.Random, address: str) -> None:
        began = time.monotonic()
        reply = self.caller.get(f"{PEOPLE}/{address}")

        def apply(place: Place) -> Place:
            if reply.status == 404:
                return nobody(place)
            # Tags are read a moment later, in a statement of their own.
            demand(is_shown(known(place), reply.json["subscriber"], with_tags=False))
            return place

        self._note(address, "GET", began, reply, apply, only_reads=True)

    def _note(
        self,
        address: str,
        what: str,
        began: float,
        reply: Reply,
        apply: Apply,
        *,
        only_reads: bool = False,
    ) -> None:
        self.statuses.append((what.split(maxsplit=1)[0], reply.status))
        self.done[address].append(
            Timed(
                what=f"{what} -> {reply.status} {reply.json}",
                began=began,
                ended=time.monotonic(),
                only_reads=only_reads or reply.status == 404,
                apply=apply,
            )
        )
