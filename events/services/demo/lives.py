"""What the demo's people do, drawn at random with a fixed seed: pure, without rows or clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from events.services.demo import catalogue

SPAN = timedelta(days=90)
TRIAL = timedelta(days=14)
MONTH = timedelta(days=30)
# Used in place of a mail's number.
CONFIRMATION = 0


class Fate(StrEnum):
    """What happens to a mail that is not just sent."""

    BOUNCED = "bounced"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"


class Deed(StrEnum):
    """What a person does beside their events."""

    CONFIRMS = "confirms"
    LEAVES = "leaves"
    COMPLAINS = "complains"
    ENROLLMENT_PAUSED = "enrollment_paused"
    ENROLLMENT_CANCELLED = "enrollment_cancelled"


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event that the application reports."""

    at: datetime
    name: str
    properties: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Life:
    """One person, from the sign-up on; `fates` are of their n-th mail, counted from 1."""

    number: int
    email: str
    first_name: str
    last_name: str
    timezone: str
    attributes: dict[str, Any]
    signed_up_at: datetime
    happenings: list[PlannedEvent] = field(default_factory=list)
    deeds: list[tuple[datetime, Deed]] = field(default_factory=list)
    fates: dict[int, Fate] = field(default_factory=dict)
    is_test: bool = False

    def add(self, at: datetime, name: str, **properties: Any) -> None:
        self.happenings.append(PlannedEvent(at, name, properties))

    def moments(self, *, until: datetime) -> Iterator[tuple[datetime, PlannedEvent | Deed]]:
        both: list[tuple[datetime, PlannedEvent | Deed]] = [(e.at, e) for e in self.happenings]
        both += self.deeds
        yield from sorted((each for each in both if each[0] <= until), key=lambda each: each[0])


def draw(*, random: Random, now: datetime, people: int) -> list[Life]:
    """Return lives in the order of their sign-ups; more of them recently than long ago."""
    ages = sorted((SPAN * (random.random() ** 1.3) for _ in range(people)), reverse=True)
    lives = [
        draw_one(random=random, number=number, at=now - age, now=now)
        for number, age in enumerate(ages)
    ]
    _arrange(lives, now)
    return lives


def draw_one(*, random: Random, number: int, at: datetime, now: datetime) -> Life:
    """Return one life that begins at a moment; the number makes its address unique."""
    life = _draw_life(random, number, at)
    _draw_story(random, life, now)
    return life


def _draw_life(random: Random, number: int, at: datetime) -> Life:
    first, last = random.choice(catalogue.FIRST_NAMES), random.choice(catalogue.LAST_NAMES)
    plain = f"{first}.{last}".lower().translate(str.maketrans("öëíáü", "oeiau"))
    plan = random.choices(list(catalogue.PLANS), weights=(6, 3, 1))[0]
    return Life(
        number=number,
        email=f"{plain}.{number}@{random.choice(catalogue.DOMAINS)}",
        first_name=first,
        last_name=last if random.random() < 0.8 else "",  # noqa: PLR2004 - a share
        timezone=random.choice(catalogue.TIME_ZONES),
        attributes={
            "plan": plan,
            "source": random.choice(catalogue.SOURCES),
            "seats": random.randint(1, 12),
        },
        signed_up_at=at.replace(microsecond=0),
    )


def _draw_story(random: Random, life: Life, now: datetime) -> None:
    start = life.signed_up_at
    plan = life.attributes["plan"]
    life.add(
        start, "signed_up", source=life.attributes["source"], page=random.choice(catalogue.PAGES)
    )
    if random.random() < 0.1:  # noqa: PLR2004 - a share
        return
    minutes = random.choices((2, 7, 35, 400, 1700), weights=(6, 5, 3, 2, 1))[0]
    confirmed_at = start + timedelta(minutes=minutes, seconds=random.randint(5, 55))
    life.deeds.append((confirmed_at, Deed.CONFIRMS))
    began = start + timedelta(minutes=random.randint(3, 50))
    life.add(began, "saas.trial_started", plan=plan, trialDays=14, price=catalogue.PLANS[plan])
    _draw_use(random, life, began, now)
    draw = random.random()
    if draw < 0.4:  # noqa: PLR2004 - a share
        _draw_customer(random, life, began + timedelta(days=random.uniform(2, 13)), now)
    else:
        life.add(began + TRIAL, "saas.trial_ended", plan=plan, converted=False)
    draw = random.random()
    if draw < 0.07:  # noqa: PLR2004 - a share
        life.deeds.append((confirmed_at + timedelta(days=random.uniform(1, 20)), Deed.LEAVES))
    elif draw < 0.09:  # noqa: PLR2004 - a share
        life.deeds.append((confirmed_at + timedelta(days=random.uniform(1, 9)), Deed.COMPLAINS))
    elif draw < 0.12:  # noqa: PLR2004 - a share
        life.fates[random.randint(1, 2)] = Fate.BOUNCED


def _draw_use(random: Random, life: Life, began: datetime, now: datetime) -> None:
    if random.random() < 0.7:  # noqa: PLR2004 - a share
        at = began + timedelta(hours=random.expovariate(1 / 14))
        life.add(at, "project.created", template=random.choice(("blank", "roadmap", "sprint")))
        if random.random() < 0.45:  # noqa: PLR2004 - a share
            at += timedelta(hours=random.uniform(1, 70))
            life.add(at, "teammate.invited", role=random.choice(("editor", "viewer")))
    at = began
    for _ in range(random.randint(1, 16)):
        at += timedelta(days=random.expovariate(1 / 3), minutes=random.randint(1, 300))
        if at < now:
            device = random.choice(("desktop", "phone", "tablet"))
            life.add(at, "app.opened", device=device, minutes=random.randint(1, 90))


def _draw_customer(random: Random, life: Life, bought_at: datetime, now: datetime) -> None:
    """Draw the months of a paying customer; a third of them cancel."""
    plan = life.attributes["plan"]
    is_leaving = random.random() < 0.35  # noqa: PLR2004 - a share
    stays = timedelta(days=random.uniform(6, 55)) if is_leaving else SPAN
    life.add(bought_at + timedelta(seconds=4), "saas.trial_ended", plan=plan, converted=True)
    at, month = bought_at, 1
    while at < min(now, bought_at + stays):
        order = {"id": f"L-{1000 + 7 * life.number}-{month}"}
        if month > 1 and random.random() < 0.12:  # noqa: PLR2004 - a share
            life.add(at, "saas.payment_failed", plan=plan, reason="card_declined", order=order)
            at += timedelta(days=2)
        life.add(
            at,
            "saas.purchase",
            plan=plan,
            amount=catalogue.PLANS[plan],
            currency="EUR",
            order=order,
        )
        at, month = bought_at + MONTH * month, month + 1
    if is_leaving:
        reason = random.choice(("price", "unused", "missing_feature"))
        life.add(bought_at + stays, "saas.cancelled", plan=plan, reason=reason)
        life.add(bought_at + stays + timedelta(days=5), "saas.churn", plan=plan, months=month - 1)


def _arrange(lives: list[Life], now: datetime) -> None:
    """Make sure that every state occurs, whatever was drawn: the newest people have them."""
    plain = [life for life in reversed(lives) if not life.fates and len(life.deeds) == 1]
    settled = [life for life in plain if life.signed_up_at < now - timedelta(days=3)]
    for life in settled[:3]:
        life.fates[1] = Fate.UNKNOWN
    for place, life in enumerate(settled[3:6]):
        life.fates[1 + place % 2] = Fate.REFUSED
    for life in settled[6:9]:
        life.deeds.append((now - timedelta(hours=30), Deed.ENROLLMENT_PAUSED))
    for life in settled[9:10]:
        life.deeds.append((now - timedelta(hours=50), Deed.ENROLLMENT_CANCELLED))
    for life in settled[10:13]:
        life.is_test = True
    # The newest people: their first mail waits for a busy server.
    for place, life in enumerate(lives[-6:]):
        start = now - timedelta(minutes=95 - 11 * place)
        _begin_anew(life, start)
        if place < 3:  # noqa: PLR2004 - half of them
            life.deeds.append((start + timedelta(minutes=4), Deed.CONFIRMS))
            life.fates[1] = Fate.DEFERRED
        else:
            life.fates[CONFIRMATION] = Fate.DEFERRED


def _begin_anew(life: Life, start: datetime) -> None:
    """Make the person one who has just signed up, and done nothing else yet."""
    life.signed_up_at = start
    life.happenings.clear()
    life.deeds.clear()
    life.fates.clear()
    life.add(start, "signed_up", source=life.attributes["source"], page="/pricing")
