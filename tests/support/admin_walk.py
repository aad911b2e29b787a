"""Every address of the admin, read from its URL conf, and a world in which each has a page.

A view that is added is walked by itself. The world has a row of every kind with hostile texts.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from events.models import Backtest, Sequence
from events.services import backtests
from subscribers.models import Installation, OutgoingEmail, Segment, Subscriber
from subscribers.services.consent import headers
from subscribers.services.outbox import flow
from tests import factories
from tests.browser.test_admin_in_a_browser import HOSTILE, hostile_rows

# What every request may write: the session, and when somebody signed in.
OF_REQUESTS = ("sessions.Session",)
ROOT = "/admin/"
# About one's own session and password; the product has pages of its own for that.
NOT_WALKED = ("login/", "logout/", "password_change/", "password_change/done/")


@dataclass(frozen=True)
class Address:
    """A page or an action: `model` and the last part of the URL's name, such as `changelist`."""

    model: type[Model] | None
    view: str
    path: str

    def __str__(self) -> str:
        return f"{self.model._meta.model_name if self.model else 'admin'} {self.view}"


Row = TypeVar("Row", bound=Model)


class World:
    """A row of every model."""

    def __init__(self, rows: Iterable[Model]) -> None:
        self._by_model = {type(row): row for row in rows}

    def __getitem__(self, model: type[Row]) -> Row:
        row = self._by_model[model]
        assert isinstance(row, model)
        return row


def make_world() -> World:
    """Make a row of every registered model, all in one workspace as far as they have one."""
    User.objects.filter(username="ada").exists() or User.objects.create_superuser("ada")
    rows = hostile_rows()
    world = World(rows)
    person, sequence, email = world[Subscriber], world[Sequence], world[OutgoingEmail]
    assert sequence.current_version is not None
    workspace, now = person.workspace, timezone.now()
    subject = {"subscriber": person, "workspace": workspace}
    reject = factories.ImportRejectFactory.create(
        run__workspace=workspace, run__files=[HOSTILE], run__actor=HOSTILE[:150], run__rows=1,
        run__rejected=1, run__options={HOSTILE: HOSTILE}, run__reasons={HOSTILE: 1},
        run__status="failed", run__last_error=HOSTILE, run__started_at=now, field=HOSTILE[:200],
        reason=HOSTILE, row=json.dumps({HOSTILE: HOSTILE}),
    )  # fmt: skip
    stopped = factories.MailFlowFactory.create(
        workspace=workspace, server=flow.server_name(), kind="server_away", failing_since=now,
        last_failed_at=now, error=HOSTILE[:300],
    )  # fmt: skip
    factories.MailFlowFactory.create(workspace=workspace, server=HOSTILE[:255])
    factories.OutgoingEmailFactory.create(**subject, failed=True, last_error=HOSTILE)
    factories.OutgoingEmailFactory.create(**subject, unknown=True, last_error=HOSTILE)
    link = headers.unsubscribe_url(person)
    factories.OutgoingEmailFactory.create(
        **subject, subject=link, text=link, html=f'<a href="{link}">Leave</a>', sent=True
    )
    factories.OutgoingEmailFactory.create(
        **subject, reason=HOSTILE[:100], last_error=HOSTILE, due_at=now
    )
    factories.MailActivityFactory.create(
        email=email,
        kind="clicked",
        quality="human",
        url=f"https://example.com/{HOSTILE}",
        reasons=[HOSTILE],
    )
    factories.StepRunFactory.create(
        enrollment__version=sequence.current_version, enrollment__failed=True,
        enrollment__step=sequence.current_version.steps.get(key="mail"),
        enrollment__subscriber=person, enrollment__entry_slot="2", enrollment__reason=HOSTILE[:200],
        enrollment__ended_at=now,
        enrollment__last_error=HOSTILE, enrollment__updated_at=now, status="failed",
        error=HOSTILE,
    )  # fmt: skip
    run = backtests.request(sequence=sequence, days=90, requested_by=HOSTILE[:150], now=now)
    while backtests.carry_on(now=now + timedelta(seconds=1)):
        pass
    run.refresh_from_db()
    Backtest.objects.filter(pk=run.pk).update(
        error=HOSTILE,
        result={
            **run.result,
            "refused": {HOSTILE: 1}, "skipped": {HOSTILE: 1}, "mails_by_step": {HOSTILE: 1},
            "entries": [[person.pk.hex, now.isoformat(), 1, HOSTILE, HOSTILE]],
        },
    )  # fmt: skip
    made = (
        run,
        reject.run,
        stopped,
        factories.WorkerFactory.create(host=HOSTILE[:255], ticked_at=now, beat_at=now),
        factories.SignInFactory.create(name=HOSTILE[:150]),
        User.objects.create(username=HOSTILE[:150], first_name=HOSTILE[:150], is_staff=True),
        Group.objects.create(name=HOSTILE[:150]),
        Installation.objects.update_or_create(pk=1, defaults={"on_hold_since": None})[0],
    )
    return World([*rows, *made])


def addresses(world: World) -> list[Address]:
    """Return every address of the admin, those about a row for the row of the world."""
    return list(_addresses(world))


def _addresses(world: World) -> Iterator[Address]:
    from config import urls  # noqa: F401, PLC0415 - registers all pages, which takes a while

    yield Address(None, "choose-workspace", f"{ROOT}choose-workspace/")
    yield Address(None, "system", f"{ROOT}system/")
    by_prefix = {
        f"{model._meta.app_label}/{model._meta.model_name}/": model
        for model in admin.site._registry
    }
    for each in admin.site.urls[0]:
        path = str(each.pattern)
        if isinstance(each, URLResolver):
            model = by_prefix[path]
            yield from _of_model(model, each, world[model])
        elif "<" not in path and path not in NOT_WALKED:
            yield Address(None, each.name or path, ROOT + path)
    yield from (Address(None, "app_list", f"{ROOT}{app}/") for app in ("events", "subscribers"))


def _of_model(model: type[Model], pages: URLResolver, row: Model) -> Iterator[Address]:
    prefix = f"{model._meta.app_label}_{model._meta.model_name}_"
    for each in pages.url_patterns:
        assert isinstance(each, URLPattern)
        if not each.name:
            continue  # Django's own redirect of an id without a page
        path = f"{ROOT}{pages.pattern}{each.pattern}"
        for parameter in ("<path:object_id>", "<id>"):
            path = path.replace(parameter, str(row.pk))
        assert "<" not in path, path
        yield Address(model, each.name.removeprefix(prefix), path)


def asked_of(world: World, address: Address) -> dict[str, str]:
    """Return what a page takes in its address, or an action in its form."""
    person, sequence, run = world[Subscriber], world[Sequence], world[Backtest]
    anybody = {"person": "new@example.com"}
    by_view: dict[str, dict[str, str]] = {
        "step": {"number": "1"}, "step-mail": {"number": "1"}, "compare": {"old": "1", "new": "1"},
        "mail": {"number": "1"}, "mail-html": {"number": "1"},
        "test-mail": {"number": "1", "address": "new@example.com"},
        "why": {"person": person.public_id}, "simulate": anybody,
        "simulated-mail": {**anybody, "visit": "0"},
        "backtest": {"run": str(run.pk)}, "cancel-backtest": {"run": str(run.pk)},
        "backtest-people": {"run": str(run.pk)}, "start-backtest": {"days": "30"},
        "start": {"segment": world[Segment].pk.hex, "sequence": sequence.pk.hex},
        "enroll": {"sequence": sequence.public_id, "people": person.public_id},
        "replay": {"token": "0" * 32}, "use-preset": {"replace": "yes"},
        "change-address": {"address": "new@example.com"}, "delete": {"post": "yes"},
        "choose-workspace": {"workspace": person.workspace_id.hex},
    }  # fmt: skip
    return {"reason": "because", **by_view[address.view]} if address.view in by_view else {}


def digests() -> dict[str, str]:
    """Return a digest of each table but the sessions; two of them say what was changed between."""
    found: dict[str, str] = {}
    for model in apps.get_models():
        if model._meta.label in OF_REQUESTS or model._meta.proxy:
            continue
        columns = [
            field.attname for field in model._meta.concrete_fields if field.name != "last_login"
        ]
        rows: Any = model._default_manager.order_by("pk").values_list(*columns)
        found[model._meta.label] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the tables whose digests differ."""
    return [label for label, digest in after.items() if before[label] != digest]
