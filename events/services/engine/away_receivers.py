"""Receivers of webhooks that are away, read from the enrollments that wait: for all hosts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from events.egress import targets
from events.models import Enrollment, Step
from events.services.engine.gauges import MOST_COUNTED

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class AwayReceiver:
    host: str
    since: datetime
    error: str
    waiting: int

    @property
    def words(self) -> str:
        since = f"{self.since:%Y-%m-%d %H:%M} UTC"
        error = f" ({self.error.rstrip('.')})" if self.error else ""
        return (
            f"Webhooks to {self.host} have not been taken since {since}{error}; "
            f"enrollments that wait: {self.waiting:,}"
        )


def read() -> Sequence[AwayReceiver]:
    """Return the receivers that most enrollments wait for; up to 10,001 enrollments count."""
    failing = Enrollment.objects.filter(
        status=Enrollment.Status.ACTIVE, step__kind=Step.Kind.WEBHOOK, failing_since__isnull=False
    )
    some = failing.order_by("failing_since").values("pk")[:MOST_COUNTED]
    by_step = Enrollment.objects.filter(pk__in=some).values("step").order_by()
    found = by_step.annotate(
        count=Count("pk"), since=Min("failing_since"), error=Max("last_error")
    ).values_list("step__config", "since", "error", "count")
    by_host: defaultdict[str, list[AwayReceiver]] = defaultdict(list)
    for config, since, error, count in found:
        host = _host(str(config.get("url", "")))
        by_host[host].append(AwayReceiver(host, since, error, count))
    receivers = map(_together, by_host.values())
    return sorted(receivers, key=lambda each: each.waiting, reverse=True)[:MOST_NAMED]


def _together(parts: Sequence[AwayReceiver]) -> AwayReceiver:
    return AwayReceiver(
        parts[0].host,
        min(each.since for each in parts),
        max(each.error for each in parts),
        total(parts),
    )


def total(receivers: Iterable[AwayReceiver]) -> int:
    return sum(each.waiting for each in receivers)


def _host(url: str) -> str:
    try:
        return targets.parse(url.split("{", maxsplit=1)[0], allow_private=True).host
    except targets.UnsafeAddress:
        return "an address that is not valid"
