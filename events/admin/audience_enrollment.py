"""Mass enrollments: counted first, then started now or at a time, watched and cancelled."""

from collections.abc import Sequence as Several
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from config import workspace_choice
from config.admin_base import ReadOnlyAdmin, RowAction, admin_url, link_to, list_url
from config.readable import bulleted, sentence, time_tag
from events.models import AudienceEnrollment, Enrollment, Sequence
from events.services.enrollments import by_segment
from events.services.segments.compiling import TooManyReferences
from events.services.sequences.sequences import NotActive
from events.wording import mass_enrollments as words
from subscribers import ids
from subscribers.models import Segment

MOST_OFFERED = 200
MOST_HOURS = int(by_segment.LONGEST_SPREAD.total_seconds()) // 3600
TIME_FORM = "%Y-%m-%dT%H:%M"
CANCEL = RowAction(
    name="cancel", label="Cancel", is_dangerous=True,
    explanation="Nobody else enters. Those who have entered stay in the sequence.",
)  # fmt: skip
REFUSALS = (by_segment.AlreadyRunning, by_segment.OtherWorkspace, NotActive)


class UnusableTime(ValueError):
    """What was typed is no time that a run can begin at."""


@admin.register(AudienceEnrollment)
class AudienceEnrollmentAdmin(ReadOnlyAdmin):
    when_empty = "No segment was enrolled in a sequence yet. Begin on the page of a segment."
    list_display = ("run", "state", "progress", "begins", "completed_at", "workspace")
    list_filter = ("workspace", "status")
    fields = (
        "segment_shown", "sequence_shown", "status", "progress_shown", "skipped", "error", "begins",
        "spread", "actor", "created_at", "started_at", "completed_at", "workspace",
    )  # fmt: skip
    readonly_fields = (
        "segment_shown", "sequence_shown", "progress_shown", "skipped", "begins", "spread",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[AudienceEnrollment]:
        return super().get_queryset(request).select_related("workspace", "segment", "sequence")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Offer the page that counts first to those who may start a run."""
        return bool(
            request.user.has_perm("events.add_audienceenrollment")
            and request.user.has_perm("events.change_sequence")
        )

    def may_act(self, request: HttpRequest, row: Model) -> bool:
        return self.has_add_permission(request)

    def row_actions(self, request: HttpRequest, row: AudienceEnrollment) -> Several[RowAction]:
        return [CANCEL] if row.is_under_way else []

    def action_urls(self) -> list[URLPattern]:
        started = self.admin_site.admin_view(require_POST(self.start))
        return [
            path("start/", started, name="events_audienceenrollment_start"),
            self.action_url("cancel", self.cancel),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page that counts; what it starts is posted elsewhere."""
        view: HttpResponse = require_safe(self.show_plan)(request)
        return view

    def show_plan(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        now = timezone.now()
        segment, sequence = _chosen(request.GET, Segment), _chosen(request.GET, Sequence)
        found = None
        if segment and sequence and segment.workspace_id == sequence.workspace_id:
            try:
                found = by_segment.estimate(segment=segment, sequence=sequence, now=now)
            except TooManyReferences as error:
                messages.error(request, str(error))
        elif segment and sequence:
            messages.error(request, "The segment and the sequence are of different workspaces.")
        known = segment or sequence
        workspace = known.workspace if known else workspace_choice.of(request).chosen
        zone = workspace.timezone if workspace else "UTC"
        return self.page(
            request,
            "admin/enroll_segment.html",
            title="Enroll everybody of a segment",
            segments=_offered(Segment.objects.all(), workspace),
            sequences=_offered(Sequence.objects.filter(status=Sequence.Status.ACTIVE), workspace),
            segment=segment,
            sequence=sequence,
            estimate=found,
            is_active=sequence is not None and sequence.status == Sequence.Status.ACTIVE,
            zone=zone,
            earliest=now.astimezone(ZoneInfo(zone)).strftime(TIME_FORM),
            most_hours=MOST_HOURS,
            start_address=reverse("admin:events_audienceenrollment_start"),
        )

    def start(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        segment, sequence = _chosen(request.POST, Segment), _chosen(request.POST, Sequence)
        chosen = {"segment": segment, "sequence": sequence}
        back = plan_address(**{name: row.pk.hex for name, row in chosen.items() if row})
        if segment is None or sequence is None:
            messages.error(request, "Choose a segment and a sequence.")
            return HttpResponseRedirect(back)
        now = timezone.now()
        try:
            run = by_segment.start(
                segment=segment,
                sequence=sequence,
                now=now,
                scheduled_for=_start_of(request, zone=sequence.workspace.timezone, now=now),
                spread=_spread_of(request),
                actor=request.user.get_username(),
                estimated_count=_estimated(request),
            )
        except (*REFUSALS, UnusableTime) as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(back)
        when = "now" if run.scheduled_for <= now else f"at {words.start_in_words(run)}"
        self.log_addition(request, run, f"Started, {when}, {words.spread_in_words(run)}")
        said = f"Everybody of {segment} enters {sequence}, {when}, {words.spread_in_words(run)}."
        messages.success(request, said)
        return HttpResponseRedirect(admin_url(run))

    def cancel(self, request: HttpRequest, run: AudienceEnrollment) -> None:
        if not by_segment.cancel(run=run, now=timezone.now()):
            messages.warning(request, "Nothing changed: it has ended already.")
            return
        self.tell_done(request, run, f"Cancelled; {words.progress_in_words(run)}")

    @admin.display(description="mass enrollment")
    def run(self, run: AudienceEnrollment) -> str:
        return str(run)

    @display(description="status", label=words.COLOURS)  # type: ignore[untyped-decorator]
    def state(self, run: AudienceEnrollment) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @admin.display(description="progress")
    def progress(self, run: AudienceEnrollment) -> str:
        return words.progress_in_words(run)

    @admin.display(description="progress")
    def progress_shown(self, run: AudienceEnrollment) -> SafeString:
        most = max(run.estimated_count or 0, run.processed_count)
        if not run.is_under_way or not run.is_counted or not most:
            return format_html("{}", words.progress_in_words(run))
        return format_html(
            '{}<br><progress class="cueline-progress" max="{}" value="{}">{}</progress>',
            words.progress_in_words(run), most, run.processed_count, words.progress_in_words(run),
        )  # fmt: skip

    @admin.display(description="begins")
    def begins(self, run: AudienceEnrollment) -> SafeString:
        return time_tag(run.scheduled_for)

    @admin.display(description="did not enter")
    def skipped(self, run: AudienceEnrollment) -> SafeString:
        return bulleted(words.skipped_in_words(run))

    @admin.display(description="spread")
    def spread(self, run: AudienceEnrollment) -> str:
        return words.spread_in_words(run)

    @admin.display(description="segment")
    def segment_shown(self, run: AudienceEnrollment) -> str | SafeString:
        return link_to(run.segment) if run.segment else f"{run.segment_name} (deleted)"

    @admin.display(description="sequence")
    def sequence_shown(self, run: AudienceEnrollment) -> SafeString:
        everything = list_url(Enrollment, sequence__id__exact=run.sequence_id)
        return sentence('{} · <a href="{}">Enrollments</a>', link_to(run.sequence), everything)


def plan_address(**chosen: str) -> str:
    """Return the address of the page that counts first; `chosen` are ids in hex."""
    return f"{reverse('admin:events_audienceenrollment_add')}?{urlencode(chosen)}"


def _chosen(given: Any, model: type[Model]) -> Any:  # noqa: ANN401 - a row of the model, or None
    name = str(model._meta.model_name)
    row_id = ids.decode("id", f"id_{given.get(name, '').replace('-', '')}")
    rows = model._default_manager.select_related("workspace")
    return rows.filter(pk=row_id).first() if row_id else None


def _offered(rows: QuerySet[Any], workspace: Model | None) -> list[tuple[str, str]]:
    """Return ids and names, of one workspace or with the workspace's name before each."""
    if workspace:
        found = rows.filter(workspace=workspace).order_by("name")[:MOST_OFFERED]
        return [(row.pk.hex, row.name) for row in found]
    found = rows.select_related("workspace").order_by("workspace__name", "name")[:MOST_OFFERED]
    return [(row.pk.hex, f"{row.workspace}: {row.name}") for row in found]


def _start_of(request: HttpRequest, *, zone: str, now: datetime) -> datetime:
    """Return when the run begins; raises `UnusableTime`."""
    if request.POST.get("when") != "later":
        return now
    try:
        typed = datetime.strptime(request.POST.get("at", ""), TIME_FORM)  # noqa: DTZ007 - see below
        start = typed.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnusableTime("Type the day and the time at which it begins.") from error
    if not now - timedelta(minutes=1) <= start <= now + by_segment.LONGEST_DELAY:
        raise UnusableTime("The time must be ahead, within a year.")
    return start


def _spread_of(request: HttpRequest) -> timedelta:
    given = request.POST.get("hours", "0").strip() or "0"
    hours = int(given) if given.isascii() and given.isdigit() and len(given) < 4 else -1  # noqa: PLR2004 - three digits
    if not 0 <= hours <= MOST_HOURS:
        raise UnusableTime(f"Hours must be a whole number from 0 to {MOST_HOURS}.")
    return timedelta(hours=hours)


def _estimated(request: HttpRequest) -> int | None:
    """Return the number that the page showed; it is for showing only."""
    given = request.POST.get("estimated", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else None  # noqa: PLR2004 - five digits
