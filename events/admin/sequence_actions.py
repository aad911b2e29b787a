"""Actions of a sequence's page: activate, pause, archive, restore, copy, enroll and move people."""

from collections.abc import Sequence as Several
from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone

from config.admin_base import BaseAdmin, RowAction, admin_url, list_url, view_url
from events.admin import enrolling
from events.admin.audience_enrollment import plan_address
from events.language.steps import EmailStep
from events.models import Enrollment, Sequence
from events.services.enrollments import by_operator, retrying
from events.services.sequences import arrivals, duplicating, references, sequences
from events.services.sequences.under_way import under_way
from events.wording import arrivals as arrival_words
from events.wording import losses
from events.wording import sequences as sequence_words
from events.wording.reasons import reason_in_words
from subscribers.wire.payloads import InvalidRequest

Status = Sequence.Status
WHAT_PAUSING_DOES = (
    "Nobody enters.",
    "Every enrollment stops where it is, until the sequence is activated again.",
    "A wait keeps its date: what is due by then continues at once, or spread over some time.",
    "A mail that is being sent still arrives.",
)
WHAT_ARCHIVING_DOES = (
    "Nobody enters, and every enrollment stops where it is.",
    "A mail that is being sent still arrives.",
    "The sequence keeps its history and can be restored as a draft.",
)
MOST_MINUTES = 7 * 24 * 60
FAILED_A_MINUTE = 200
EDIT = RowAction(name="change", label="Edit", is_link=True)
ACTIVATE = RowAction(
    name="activating", label="Activate…", is_link=True,
    explanation="Shows first who will enter and what may go wrong.",
)  # fmt: skip
PAUSE = RowAction(
    name="pausing", label="Pause…", is_link=True, explanation="Shows first what stops."
)
PAUSE_ENROLLMENT = RowAction(
    name="pause-enrollment", label="Close entry", is_minor=True,
    explanation="Nobody enters; enrollments under way continue.",
)  # fmt: skip
RESUME_ENROLLMENT = RowAction(
    name="resume-enrollment", label="Reopen entry", explanation="Nobody enters now."
)
MOVE = RowAction(
    name="moving", label="Move to the current version…", is_link=True, is_minor=True,
    explanation="Shows first which enrollments of earlier versions can move.",
)  # fmt: skip
ENROLL_SEGMENT = RowAction(
    name="enrolling-segment", label="Enroll a segment…", is_link=True,
    explanation="Everybody who matches enters, now or later. Counts first.",
)  # fmt: skip
RETRY = RowAction(
    name="retrying", label="Retry failed…", is_link=True,
    explanation="Shows first what failed and why.",
)  # fmt: skip
ARCHIVE = RowAction(
    name="archiving", label="Archive…", is_link=True, is_minor=True,
    explanation="Shows first what stops.",
)  # fmt: skip
DUPLICATE = RowAction(
    name="duplicate", label="Duplicate", is_minor=True,
    explanation="Makes a draft that says the same.",
)  # fmt: skip
EXPORT = RowAction(
    name="export", label="Export YAML", is_link=True, is_minor=True,
    explanation="The file that import_sequences reads.",
)  # fmt: skip
UNARCHIVE = RowAction(name="unarchive", label="Restore", explanation="Makes it a draft again.")


class SequenceActions(BaseAdmin):
    """Each action is a POST with a log entry; most have a page that asks first."""

    def row_actions(self, request: HttpRequest, row: Sequence) -> Several[RowAction]:
        if row.status == Status.ARCHIVED:
            return [UNARCHIVE]
        found = []
        if row.status == Status.ACTIVE:
            found.append(PAUSE)
            if not row.is_enrollment_paused:
                found.append(enrolling.ENROLL)
                if request.user.has_perm("events.add_audienceenrollment"):
                    found.append(ENROLL_SEGMENT)
        else:
            found.append(ACTIVATE)
        found.append(RESUME_ENROLLMENT if row.is_enrollment_paused else PAUSE_ENROLLMENT)
        if _has_enrollments_behind(row):
            found.append(MOVE)
        if retrying.has_losses(now=timezone.now(), sequence=row):
            found.append(RETRY)
        return [*found, ARCHIVE]

    def action_urls(self) -> list[URLPattern]:
        return [
            self.action_url("activate", self.activate),
            self.action_url("pause", self.pause),
            self.action_url("pause-enrollment", self.pause_enrollment),
            self.action_url("resume-enrollment", self.resume_enrollment),
            self.action_url("archive", self.archive),
            self.action_url("unarchive", self.unarchive),
            self.action_url("move", self.move),
            self.action_url("duplicate", self.duplicate),
            self.action_url("enroll", self.enroll),
            self.action_url("retry-failed", self.retry_failed),
            self.view_url("retrying", self.show_retrying),
            self.view_url("enrolling", self.show_enrolling),
            self.view_url("enrolling-segment", self.show_enrolling_segment),
            self.view_url("activating", self.show_activating),
            self.view_url("pausing", self.show_pausing),
            self.view_url("archiving", self.show_archiving),
            self.view_url("moving", self.show_moving),
        ]

    def activate(self, request: HttpRequest, sequence: Sequence) -> None:
        minutes = _minutes(request)
        if minutes is None:
            return
        spread = timedelta(minutes=minutes)
        try:
            sequences.activate(sequence=sequence, now=timezone.now(), spread=spread)
        except sequences.NotReady as error:
            messages.error(request, f"Not activated. {error}")
            return
        over = f", waiting ones within {minutes} minutes" if minutes else ""
        self.tell_done(request, sequence, f"Activated{over}")

    def pause(self, request: HttpRequest, sequence: Sequence) -> None:
        try:
            sequences.pause(sequence=sequence, now=timezone.now(), reason="by an operator")
        except sequences.NotActive as error:
            messages.error(request, str(error))
            return
        self.tell_done(request, sequence, "Paused")

    def pause_enrollment(self, request: HttpRequest, sequence: Sequence) -> None:
        sequences.set_enrollment_paused(sequence=sequence, is_paused=True, now=timezone.now())
        self.tell_done(request, sequence, "Closed entry")

    def resume_enrollment(self, request: HttpRequest, sequence: Sequence) -> None:
        sequences.set_enrollment_paused(sequence=sequence, is_paused=False, now=timezone.now())
        self.tell_done(request, sequence, "Reopened entry")

    def archive(self, request: HttpRequest, sequence: Sequence) -> None:
        sequences.archive(sequence=sequence, now=timezone.now())
        self.tell_done(request, sequence, "Archived")

    def unarchive(self, request: HttpRequest, sequence: Sequence) -> None:
        sequences.unarchive(sequence=sequence, now=timezone.now())
        self.tell_done(request, sequence, "Restored as a draft")

    def duplicate(self, request: HttpRequest, sequence: Sequence) -> HttpResponse | None:
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            copy = duplicating.duplicate(sequence=sequence, now=timezone.now())
        except (InvalidRequest, sequences.KeyTaken) as error:
            messages.error(request, f"Not duplicated. {error}")
            return None
        self.log_addition(request, copy, f"Copied from {sequence}")
        messages.success(request, f"This is {copy}, a draft with the key {copy.key}.")
        return HttpResponseRedirect(admin_url(copy))

    def move(self, request: HttpRequest, sequence: Sequence) -> None:
        begun = self.log_begun(request, sequence, f"Move enrollments to {sequence.current_version}")
        moved = by_operator.move_enrollments(sequence=sequence, now=timezone.now())
        words = f"Moved {moved.moved_count} enrollments to {sequence.current_version}"
        left = f"; {moved.left_count} stay where they are" if moved.left_count else ""
        self.tell_ended(request, begun, words + left)

    def enroll(self, request: HttpRequest, sequence: Sequence) -> None:
        if words := enrolling.enroll(request, sequence):
            self.tell_done(request, sequence, words)

    def retry_failed(self, request: HttpRequest, sequence: Sequence) -> None:
        minutes, reason = _minutes(request), request.POST.get("reason", "")
        if minutes is None or reason not in {"", *retrying.REASONS}:
            return
        over = f" within {minutes} minutes" if minutes else ""
        begun = self.log_begun(request, sequence, f"Retry what failed{over}")
        done = retrying.retry_all(
            sequence=sequence,
            now=timezone.now(),
            reason=reason,
            spread=timedelta(minutes=minutes),
        )
        left = f"; {done.left} could not be retried" if done.left else ""
        more = "; there are more" if done.retried + done.left >= retrying.MOST_READ else ""
        self.tell_ended(request, begun, f"Retried {done.retried} that failed{over}{left}{more}")

    def show_retrying(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        found = retrying.losses(now=timezone.now(), sequence=sequence)
        shown = {each.reason: reason_in_words(each.reason) for each in found}
        return self._page(
            request,
            sequence,
            "admin/retry_failed.html",
            title=f"Retry what failed in {sequence}",
            losses=[losses.in_words(each) for each in found],
            reasons=sorted(shown.items()),
            failed_address=list_url(
                Enrollment, sequence__id__exact=sequence.pk, status__exact="failed"
            ),
            # Some hundred a minute, so that the mail server is not flooded.
            minutes=sum(each.count for each in found) // FAILED_A_MINUTE,
            most_minutes=MOST_MINUTES,
            address=view_url(sequence, "retry-failed"),
        )

    def show_enrolling(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        return self._page(
            request,
            sequence,
            "admin/enroll_people.html",
            title=f"Enroll people in {sequence}",
            most_people=enrolling.MOST_PEOPLE,
            address=view_url(sequence, "enroll"),
        )

    def show_enrolling_segment(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        return HttpResponseRedirect(plan_address(sequence=sequence.pk.hex))

    def show_activating(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        spec = references.with_list_names(
            workspace=sequence.workspace, spec=sequences.spec_of(sequence)
        )
        came = arrivals.of_trigger(sequence=sequence, now=timezone.now())
        return self._page(
            request,
            sequence,
            "admin/activate_sequence.html",
            title=f"Activate {sequence}",
            facts=sequence_words.facts(sequence, spec),
            arrivals=came and arrival_words.in_words(came),
            mails=sum(isinstance(step, EmailStep) for step in spec.steps),
            steps=len(spec.steps),
            held=sequences.count_parked(sequence),
            readiness=sequences.readiness(sequence),
            most_minutes=MOST_MINUTES,
            address=view_url(sequence, "activate"),
        )

    def show_pausing(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        return self._asking(request, sequence, "Pause", "pause", WHAT_PAUSING_DOES)

    def show_archiving(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        return self._asking(request, sequence, "Archive", "archive", WHAT_ARCHIVING_DOES)

    def _asking(
        self, request: HttpRequest, sequence: Sequence, label: str, name: str, does: Several[str]
    ) -> HttpResponse:
        """Show what an action does and whom it stops, with one button."""
        found = under_way(sequence)
        return self._page(
            request,
            sequence,
            "admin/stop_sequence.html",
            title=f"{label} {sequence}",
            label=label,
            does=does,
            held=found.count,
            is_all=found.is_all,
            people_address=list_url(Enrollment, sequence__id__exact=sequence.pk, under_way="yes"),
            address=view_url(sequence, name),
        )

    def show_moving(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        return self._page(
            request,
            sequence,
            "admin/move_enrollments.html",
            title=f"Move enrollments of {sequence}",
            move=by_operator.preview_move(sequence=sequence),
            address=view_url(sequence, "move"),
        )

    def _page(
        self, request: HttpRequest, sequence: Sequence, template: str, **context: object
    ) -> HttpResponse:
        may_act = self.may_act(request, sequence)
        return self.page(request, template, sequence=sequence, may_act=may_act, **context)


def _minutes(request: HttpRequest) -> int | None:
    """Return the minutes over which to spread; None, and a message, for anything else."""
    given = request.POST.get("minutes", "0").strip() or "0"
    minutes = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else -1  # noqa: PLR2004 - a week has 10,080
    if 0 <= minutes <= MOST_MINUTES:
        return minutes
    messages.error(request, f"Minutes must be a whole number from 0 to {MOST_MINUTES:,}.")
    return None


def _has_enrollments_behind(sequence: Sequence) -> bool:
    current = sequence.current_version
    earlier = sequence.versions.filter(number__lt=current.number if current else 0)
    behind = Enrollment.objects.filter(
        version__in=earlier.values("pk"), status__in=Enrollment.UNDER_WAY
    )
    return behind.exists()
