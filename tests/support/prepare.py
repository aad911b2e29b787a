"""Fills an empty database for a benchmark, and prints what the servers must know of it as JSON."""

import json
import sys
from datetime import UTC, datetime

import django

django.setup()

from events.models import EventDefinition  # noqa: E402 - Django is set up by now
from events.services.configuration import sync_rules  # noqa: E402 - as above
from subscribers.models import Subscriber, Tag  # noqa: E402 - as above
from subscribers.services.workspaces import api_keys, workspaces  # noqa: E402 - as above

PEOPLE = 2000


def main() -> None:
    """Make a workspace with people, names and a rule on `buy`."""
    workspace = workspaces.create(name="Benchmark")
    spec = sync_rules.RuleSpec(trigger_event="buy", add=["customer"])
    (rule,) = sync_rules.replace_all(workspace=workspace, specs=[spec])
    names = ["buy", *(f"name{number}" for number in range(10))]
    EventDefinition.objects.bulk_create(
        EventDefinition(workspace=workspace, name=name) for name in names
    )
    addresses = [f"p{number}@example.com" for number in range(PEOPLE)]
    Subscriber.objects.bulk_create(
        Subscriber(
            workspace=workspace, email=address, email_key=address, created_at=datetime.now(tz=UTC)
        )
        for address in addresses
    )
    tag = Tag.objects.get(workspace=workspace)
    added = {"tag": tag.name, "tagId": tag.pk.hex, "rule": rule.pk.hex}
    known = {
        "BENCHMARK_KEY": api_keys.create(workspace=workspace, name="wrk").text,
        "BENCHMARK_WORKSPACE": workspace.pk.hex,
        "BENCHMARK_TAG": tag.pk.hex,
        "BENCHMARK_EFFECTS": json.dumps({"tagsAdded": [added]}),
    }
    sys.stdout.write(json.dumps(known))


main()
